"""Words: what a scene says, its own and the defaults', each with the place where it stands."""

from dataclasses import dataclass

from storyboard.reading.gather import Entry
from storyboard.reading.page import Page, Path
from storyboard.story import Problem


@dataclass(frozen=True, slots=True)
class Word:
    """A value that somebody wrote, and where. ``own`` is False for a word of the defaults."""

    value: object
    page: Page
    path: Path
    own: bool

    def problem(self, message: str, hint: str = "", *, key: bool = False) -> Problem:
        return self.page.problem(self.path, message, hint, key=key)


@dataclass(frozen=True, slots=True)
class Words:
    """What a scene says: its own words, and the defaults' where it is silent."""

    own: Entry
    defaults: Entry | None

    def get(self, name: str) -> Word | None:
        """The value of a key; None where nobody wrote one, or where the schema has something against it."""
        if self.own.has(name):
            return self._word(self.own, name)
        return self._word(self.defaults, name) if self.defaults else None

    def has(self, name: str) -> bool:
        """Whether anybody wrote this key, sound or not."""
        return self.own.has(name) or (self.defaults is not None and self.defaults.has(name))

    def _word(self, entry: Entry, name: str) -> Word | None:
        value = entry.get(name)
        return None if value is None else Word(value, entry.page, (*entry.path, name), entry is self.own)
