"""Where each key of a TOML text stands. The text has been parsed before: what is read here is certainly TOML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

TomlPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_OTHER = re.compile(r"[^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


@dataclass(slots=True)
class _Scan:
    """The way through a text; ``found`` has the offset of each key and of each item of a list."""

    text: str
    at: int = 0
    found: dict[TomlPath, int] = field(default_factory=dict)
    counts: dict[TomlPath, int] = field(default_factory=dict)

    def skip(self, form: "re.Pattern[str]" = _BLANK) -> None:
        if match := form.match(self.text, self.at):
            self.at = match.end()

    def sees(self, sign: str) -> bool:
        return self.text.startswith(sign, self.at)

    def eats(self, sign: str) -> bool:
        seen = self.sees(sign)
        self.at += len(sign) if seen else 0
        return seen

    def string(self) -> str:
        """The text of a string or of a bare key at this place, without its quotes."""
        for form in (*_STRINGS, _BARE):
            if match := form.match(self.text, self.at):
                self.at = match.end()
                return _plain(match[0])
        self.at += 1
        return ""

    def key(self, above: TomlPath) -> TomlPath:
        """A key, of which each part is noted at its place."""
        path = above
        while True:
            self.skip(_SPACE)
            start = self.at
            path = (*path, self.string())
            self.found.setdefault(path, start)
            self.skip(_SPACE)
            if not self.eats("."):
                return path

    def pair(self, above: TomlPath) -> None:
        path = self.key(above)
        self.eats("=")
        self.value(path)

    def value(self, path: TomlPath) -> None:
        self.skip(_SPACE)
        if self.eats("["):
            self.many(path, "]")
        elif self.eats("{"):
            self.many(path, "}")
        elif self.sees('"') or self.sees("'"):
            self.string()
        else:
            self.skip(_OTHER)

    def many(self, path: TomlPath, end: str) -> None:
        """The items of a list, or the pairs of an inline table."""
        count = 0
        while self.at < len(self.text):
            self.skip()
            if self.eats(end):
                return
            before = self.at
            if end == "]":
                self.found.setdefault((*path, count), self.at)
                self.value((*path, count))
            else:
                self.pair(path)
            count += 1
            self.skip()
            if not self.eats(",") and self.at == before:
                self.at += 1

    def header(self) -> TomlPath:
        """The path of a table's header; a table of a list has its number in it."""
        listed = self.eats("[[") or not self.eats("[")
        path = self.resolve(self.key(()))
        self.skip(_SPACE)
        self.at += 2 if listed else 1
        if listed:
            number = self.counts[path] = self.counts.get(path, -1) + 1
            path = (*path, number)
            self.found.setdefault(path, self.at)
        return path

    def resolve(self, path: TomlPath) -> TomlPath:
        """A path below a list of tables leads into its last one."""
        known: TomlPath = ()
        for part in path[:-1]:
            known = (*known, part)
            known = (*known, self.counts[known]) if known in self.counts else known
        whole = (*known, *path[-1:])
        self.found.setdefault(whole, self.found[path])
        return whole


def toml_places(text: str) -> Mapping[TomlPath, tuple[int, int]]:
    """Return line and column, from 1, of each key by its path; a list's items have numbers from 0."""
    scan, table = _Scan(text), ()
    here: TomlPath = table
    while True:
        scan.skip()
        if scan.at >= len(text):
            break
        if scan.sees("["):
            here = scan.header()
        else:
            scan.pair(here)
    return {path: _line_and_column(text, at) for path, at in scan.found.items()}


def _plain(token: str) -> str:
    if token[:1] == '"' and "\\" in token:
        import tomllib

        return str(tomllib.loads(f"a = {token}")["a"])
    return token.strip("\"'") if token[:1] in "\"'" else token


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
