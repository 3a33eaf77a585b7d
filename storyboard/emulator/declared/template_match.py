"""Templates of a declaration, read backwards: which values a body has where the template has placeholders."""

from collections.abc import Mapping

from storyboard.model.text import one_line
from storyboard.providers.declared.placeholders import EACH, placeholder, placeholders
from storyboard.providers.declared.pointers import str_of, word


class Mismatch(Exception):
    """A body that the template cannot have made: the text says what does not fit, and where."""


def match_body(template: Mapping[str, object], body: object, *, as_text: bool = False) -> dict[str, object]:
    """Return the values by the names of placeholders ("references": a list). Raise Mismatch.

    ``as_text``: constants are compared by their texts, as in a form.
    """
    found: dict[str, object] = {}
    _Matching(found, as_text).part(template, body, "")
    return found


class _Matching:
    def __init__(self, found: dict[str, object], as_text: bool) -> None:
        self.found = found
        self.as_text = as_text

    def part(self, template: object, value: object, at: str) -> None:
        name = placeholder(template)
        if name and name.name == EACH:
            references = self.found.setdefault("references", [])
            assert isinstance(references, list)
            references.append(value)
        elif name:
            key = f"{name.name}:{name.way}" if name.way else name.name
            if self.found.setdefault(key, value) != value:
                raise Mismatch(f"{at or 'the body'} differs from another field that has to be the same")
        elif isinstance(template, Mapping):
            self._table(template, value, at)
        elif isinstance(template, list):
            self._list(template, value, at)
        elif not self._same(template, value):
            raise Mismatch(f"{at} must be {one_line(str_of(template), 60)!r}")

    def _same(self, template: object, value: object) -> bool:
        if self.as_text:
            return word(template) == word(value)
        return template == value and isinstance(template, bool) == isinstance(value, bool)

    def _table(self, template: Mapping[str, object], value: object, at: str) -> None:
        if not isinstance(value, Mapping):
            raise Mismatch(f"{at or 'the body'} must be an object")
        for name in value:
            if name not in template:
                raise Mismatch(f"{at}/{one_line(str(name), 60)} is not known")
        for name, part in template.items():
            if name in value:
                self.part(part, value[name], f"{at}/{name}")
            elif not any(placeholders(part)):
                raise Mismatch(f"{at}/{name} is missing")

    def _list(self, template: list[object], value: object, at: str) -> None:
        """Each item is one of the template's; they come in its order, and one for references any number of times."""
        if not isinstance(value, list):
            raise Mismatch(f"{at} must be a list")
        place = 0
        for number, item in enumerate(value):
            place = self._item(template, place, item, f"{at}/{number}")

    def _item(self, template: list[object], place: int, item: object, at: str) -> int:
        """Match an item with the template's items from ``place`` on; return where the next one may begin."""
        for here in range(place, len(template)):
            before = {key: list(each) if isinstance(each, list) else each for key, each in self.found.items()}
            try:
                self.part(template[here], item, at)
            except Mismatch:
                self.found.clear()
                self.found.update(before)
                continue
            repeated = any(found.name == EACH for found in placeholders(template[here]))
            return here if repeated else here + 1
        raise Mismatch(f"{at} fits no item that the service takes")
