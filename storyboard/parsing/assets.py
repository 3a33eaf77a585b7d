"""Assets: the files and addresses that a storyboard names. Each file is read once, however often it is named."""

import posixpath
from collections.abc import Callable
from copy import copy
from fractions import Fraction
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import urlsplit

from storyboard.model.errors import StoryboardError
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Image, LocalImage, OwnClip, OwnSound, WebImage
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Measure
from storyboard.model.text import one_line
from storyboard.parsing import yaml
from storyboard.parsing.project_files import Files, ImageFile
from storyboard.parsing.source import KeyPath, SourceFile

T = TypeVar("T")
Look = Callable[[PurePosixPath], T]


class Assets:
    """The images, local clips, sounds and effects of a storyboard.

    ``wrong`` is called with a problem for each value that names no usable file, address or effect.
    """

    def __init__(self, files: Files, wrong: Callable[[Problem], None]) -> None:
        self._files = files
        self._wrong = wrong
        self._images: dict[PurePosixPath, ImageFile | StoryboardError] = {}
        self._clips: dict[PurePosixPath, Measure | StoryboardError] = {}
        self._effects: tuple[str, ...] | None = None
        self._sounds: dict[PurePosixPath, Fraction | StoryboardError] = {}

    def quietly(self) -> "Assets":
        """The same assets, where no problem is reported."""
        quiet = copy(self)
        quiet._wrong = lambda problem: None
        return quiet

    def image(self, page: SourceFile, path: KeyPath, word: str) -> Image | None:
        """The image that ``word`` names at ``path`` of ``page``; None where there is a problem with it."""
        place = page.place(path)
        if "://" in word:
            if wrong := _address(word):
                self._wrong(page.problem(path, *wrong))
                return None
            if signature := _signature(word):
                message = f"this address is signed ({signature}): it expires, and a new one buys the shot again"
                hint = "put the image into the project, or name an address that stays"
                self._wrong(page.problem(path, message, hint, severity="warning"))
            return WebImage(word, place)
        found = self._looked_at(page, path, word, self._images, self._files.image)
        if found is None:
            return None
        file, facts = found
        return LocalImage(file, facts.digest, facts.bytes, facts.width, facts.height, facts.kind, place)

    def clip(self, page: SourceFile, path: KeyPath, word: str) -> OwnClip | None:
        """The local clip that ``word`` names at ``path`` of ``page``; None where there is a problem with it."""
        found = self._looked_at(page, path, word, self._clips, self._files.clip)
        return OwnClip(found[0], page.place(path)) if found else None

    def sound(self, page: SourceFile, path: KeyPath, word: str) -> OwnSound | None:
        """The sound file that ``word`` names at ``path`` of ``page``; None where there is a problem with it."""
        found = self._looked_at(page, path, word, self._sounds, self._files.sound)
        return OwnSound(*found, page.place(path)) if found else None

    def effect(self, page: SourceFile, path: KeyPath, word: str) -> str | None:
        """The name of the effect at ``path`` of ``page``; None where it is not installed."""
        if self._effects is None:
            self._effects = self._files.effects()
        if word in self._effects:
            return word
        known = f"installed: {', '.join(map(one_line, self._effects[:20]))}" if self._effects else "none is installed"
        hint = did_you_mean(word, self._effects) or f"{known}; install the package that offers it: pip install PACKAGE"
        self._wrong(page.problem(path, f"no effect is called '{one_line(word, 80)}'", hint))
        return None

    def seconds(self, clip: OwnClip) -> Fraction:
        """The duration in seconds of a clip that ``clip`` returned."""
        measure = self._clips[clip.path]
        assert isinstance(measure, Measure)
        return measure.seconds

    def ratio(self, clip: OwnClip) -> Fraction:
        """Width by height of a clip that ``clip`` returned."""
        measure = self._clips[clip.path]
        assert isinstance(measure, Measure)
        return Fraction(measure.width, measure.height)

    def _looked_at(
        self, page: SourceFile, path: KeyPath, word: str, seen: dict[PurePosixPath, T | StoryboardError], look: Look[T]
    ) -> tuple[PurePosixPath, T] | None:
        """The file that ``word`` names and the result of ``look``, cached in ``seen``; None where it failed."""
        file = resolve_asset(page, path, word)
        if isinstance(file, Problem):
            self._wrong(file)
            return None
        if file not in seen:
            try:
                seen[file] = look(file)
            except StoryboardError as error:
                seen[file] = error
        known = seen[file]
        if isinstance(known, StoryboardError):
            self._wrong(page.problem(path, known.message, known.hint))
            return None
        return file, known


def resolve_asset(page: SourceFile, path: KeyPath, word: str) -> PurePosixPath | Problem:
    """The path that ``word`` names, relative to its file, made relative to the project; or the problem with it."""
    said = one_line(word, 100)
    if yaml.UNSPEAKABLE.search(word) or not word.strip() or len(word) > 1000:
        return page.problem(path, f"'{said}' cannot be a path")
    if "\\" in word:
        return page.problem(path, f"'{said}' has a '\\' in it", "write '/' between folders")
    if word.startswith(("/", "~")) or word[1:2] == ":":
        return page.problem(path, f"'{said}' is not relative", "write the path as seen from this file")
    whole = posixpath.normpath(posixpath.join(page.path.parent.as_posix(), word))
    if whole == ".." or whole.startswith("../"):
        return page.problem(path, f"'{said}' is outside the project folder", "name a file in the project folder")
    return PurePosixPath(whole)


# Parameters of addresses that are valid for a while only: of S3, Google, Azure, CloudFront, and of others.
_SIGNED = frozenset(
    [
        "x-amz-signature",
        "x-amz-expires",
        "x-goog-signature",
        "x-goog-expires",
        "x-oss-signature",
        "q-signature",
        "signature",
        "sig",
        "hmac",
        "se",
        "policy",
        "key-pair-id",
        "awsaccesskeyid",
        "googleaccessid",
        "token",
        "__token__",
        "hdnea",
        "hdnts",
        "ticket",
        "expires",
        "expiry",
        "exp",
    ]
)


def _signature(word: str) -> str:
    """The parameter that shows that an address is signed, in lower case; "" if there is none."""
    names = (part.partition("=")[0].lower() for part in urlsplit(word).query.split("&"))
    return next((name for name in names if name in _SIGNED), "")


def _address(word: str) -> tuple[str, str] | None:
    """Message and hint where the address of an image is not allowed; None where it is."""
    hint = "https://… or the path of a file in the project"
    if len(word) > 2000 or yaml.UNSPEAKABLE.search(word) or any(sign.isspace() for sign in word):
        return "this address is longer than 2,000 characters, or has spaces in it", hint
    try:
        parts = urlsplit(word)
        host, _ = parts.hostname, parts.port  # Reading the port is what checks it.
    except ValueError:
        return "not a valid address", hint
    if parts.scheme != "https":
        return f"an image comes from https, not {one_line(parts.scheme, 20)}", hint
    if not host or parts.username is not None or parts.password is not None:
        return "not a public address", "an address has a host, and no name or password in it"
    return None
