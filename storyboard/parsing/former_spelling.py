"""The former spelling of numbers in prompts: 1.1 for a var that is written 1.10. Takes bought with it are kept."""

from collections.abc import Mapping

from storyboard.parsing import template, template_limits, yaml

Names = Mapping[str, object]


class FormerSpelling:
    """Renders templates with the numbers of ``values`` (the vars) as Python spells them.

    ``given`` are vars from the command line, ``others`` the names that are no vars. Faults are not reported here: the
    template was rendered before, with its numbers as they are written.
    """

    def __init__(self, values: Names, given: Names, others: Names) -> None:
        self._work = template_limits.TemplateWork()
        self._is_needed = any(map(yaml.has_written_numbers, values.values()))
        self._names: dict[str, object] = dict(others)
        for key, value in values.items() if self._is_needed else ():
            self._names[key] = given.get(key, self._filled(yaml.respelt(value)))

    def prompt(self, source: str, own: Names) -> str | None:
        """The prompt in its former spelling; None if no number in the vars is spelt differently."""
        return self._rendered(source, self._names | dict(own)).strip() if self._is_needed else None

    def _filled(self, value: object) -> object:
        if isinstance(value, str):
            return self._rendered(value, self._names)
        if isinstance(value, dict):
            return {key: self._filled(part) for key, part in value.items()}
        return [self._filled(part) for part in value] if isinstance(value, list) else value

    def _rendered(self, source: str, names: Names) -> str:
        try:
            return template.parse(source).render(names, self._work)[0]
        except template_limits.TemplateRefused:
            return source
