"""Advice for text that is read as something else than its author meant: quotes that end early, signs of YAML, merges.

Each function returns (message, hint), or None where the case is another one.
"""

import re

from storyboard.model.file_signatures import file_kind

Advice = tuple[str, str]

_MARKER = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)
UNMERGED = "git left an unresolved merge here"
_MERGE = "keep one side, and delete the lines of '<<<<<<<', '=======' and '>>>>>>>'"

# The first bytes of Git LFS pointers (git-lfs, docs/spec.md) and of git-annex's (pointer files).
_POINTERS = (
    (b"version https://git-lfs.github.com/spec/", "Git LFS", "git lfs pull"),
    (b"/annex/objects/", "git-annex", "git annex get"),
)


def merge_marker(text: str) -> tuple[int, Advice] | None:
    """The line, from 0, on which git's conflict markers begin."""
    found = _MARKER.search(text)
    return (text.count("\n", 0, found.start()), (UNMERGED, _MERGE)) if found else None


def pointer(head: bytes) -> Advice | None:
    """A file that git has in place of the real one. ``head`` are its first bytes, 48 or more."""
    found = next((each for each in _POINTERS if head.startswith(each[0])), None)
    return (f"only its {found[1]} pointer is here, not the file itself", f"run `{found[2]}`") if found else None


def binary(head: bytes) -> Advice | None:
    """A file that is no text. ``head`` are its first bytes, 16 or more."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "this file is UTF-16", "save it as UTF-8"
    what = file_kind(head) or ("no text file" if b"\0" in head else "")
    return (f"this is {what}, not a storyboard", "name the YAML file of the storyboard") if what else None


def early_end(line: str, column: int) -> Advice | None:
    """Text that goes on at ``column`` of ``line`` although a quote or a bracket before it has ended the value."""
    before, rest = line[:column].rstrip(), line[column:]
    if before[-1:] in ('"', "'"):
        if re.match(r"[\w-]+\s*:\s", rest):
            return None
        other = "'" if before[-1] == '"' else '"'
        below = "write it on the lines below '>', where quotes are plain text"
        hint = below if other in line else f"put all of it in {other}…{other}, or {below}"
        return "the text ends at this quote, and more follows", hint
    if before[-1:] in ("]", "}"):
        what = "list" if before[-1] == "]" else "mapping"
        return f"the {what} ends at this bracket, and more follows", "if all of it is text, put it in quotes"
    return None


def sign(line: str, column: int) -> Advice | None:
    """A value that begins with a sign of YAML."""
    first = line[column : column + 1]
    if first in tuple("*&@%`?|>") or re.match(r"[-:](\s|$)", line[column:]):
        return f"a text cannot begin with '{first}'", "put it in quotes"
    return None
