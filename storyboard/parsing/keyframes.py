"""Keyframes and frames of scenes: what `first_frame`, `last_frame` and `keyframes` name, and whether it exists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

from storyboard.model.problem import Problem
from storyboard.model.storyboard import FrameAt, FrameSource, Generated, OwnClip, SceneFrame, Still
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import format_seconds, one_line
from storyboard.parsing.assets import Assets
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.source import KeyPath, SourceFile
from storyboard.parsing.values import ParsedScene

Edge = Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class _Mention:
    """A place where a frame of a scene is named: ``by`` that scene, "" if by a keyframe.

    ``key`` is the one that names it: "scene", or "keyframe" where a scene names the keyframe that does.
    """

    page: SourceFile
    path: KeyPath
    frame: SceneFrame
    by: str
    key: str = "scene"

    def problem(self, message: str, hint: str = "", key: str = "") -> Problem:
        return self.page.problem((*self.path, key or self.key), message, hint)


class Keyframes:
    """The keyframes of a storyboard, by name, and all frames of scenes that it names. ``wrong`` is given each problem.

    A keyframe with a problem is None.
    """

    def __init__(self, top: MappingNode, found: Assets, wrong: Callable[[Problem], None]) -> None:
        self._found = found
        self._wrong = wrong
        self._mentions: list[_Mention] = []
        entry = top.inner("keyframes")
        names = tuple(entry.value) if entry else ()
        self._named = {name: self._keyframe(entry, name) for name in names if entry}

    def frame(self, page: SourceFile, path: KeyPath, value: object, edge: Edge, by: str) -> FrameSource | None:
        """The image or the frame that ``value`` names for an ``edge`` of the scene ``by``; None with a problem."""
        if isinstance(value, str):
            return self._found.image(page, path, value)
        said = cast(Mapping[str, object], value)
        if "keyframe" in said:
            return self._of_name(page, path, said, by)
        if "scene" not in said:
            hint = "write {scene: ID} or {keyframe: NAME}"
            self._wrong(page.problem((*path, *list(said)[:1]), "this names no scene and no keyframe", hint, key=True))
            return None
        return self._of_scene(page, path, said, "last" if edge == "first" else "first", by)

    def sheet(self, page: SourceFile, path: KeyPath, value: Mapping[str, object], by: str) -> SceneFrame:
        """The sheet of frames of a scene that ``value`` names as a reference for the scene ``by``."""
        return self._of_scene(page, path, value, "sheet", by)

    def check(
        self, film: Mapping[str, ParsedScene], skipped: Mapping[str, ParsedScene | None], known: tuple[str, ...]
    ) -> None:
        """Report frames that do not exist, or that have another shape than the scene that they are for.

        ``known`` are the ids of all scenes, also of those that are not valid."""
        for mention in self._mentions:
            if problem := _missing(mention, film, skipped, known) or _misshapen(mention, film):
                self._wrong(problem)

    def _keyframe(self, entry: MappingNode, name: str) -> FrameSource | None:
        value, path = entry.get(name), (*entry.path, name)
        if value is None:
            return None
        if isinstance(value, str):
            return self._found.image(entry.page, path, value)
        return self._of_scene(entry.page, path, cast(Mapping[str, object], value), "last", "")

    def _of_name(self, page: SourceFile, path: KeyPath, said: Mapping[str, object], by: str) -> FrameSource | None:
        name = str(said["keyframe"])
        if "scene" in said:
            self._wrong(page.problem((*path, "scene"), "this names a scene or a keyframe, not both", key=True))
        elif "at" in said:
            hint = "write it where the keyframe names its scene"
            self._wrong(page.problem((*path, "at"), "'at' is for a frame of a scene", hint, key=True))
        elif name in self._named:
            frame = self._named[name]
            if isinstance(frame, SceneFrame):
                self._mentions.append(_Mention(page, path, frame, by, "keyframe"))
            return frame
        else:
            known = list(self._named)
            hint = did_you_mean(name, known) or _listed(known) or "add it under 'keyframes' at the top of the file"
            self._wrong(page.problem((*path, "keyframe"), f"there is no keyframe '{one_line(name, 60)}'", hint))
        return None

    def _of_scene(
        self, page: SourceFile, path: KeyPath, said: Mapping[str, object], usual: FrameAt, by: str
    ) -> SceneFrame:
        at = said.get("at", usual)
        exact = at if at in ("first", "last", "sheet") else Fraction(str(at))
        frame = SceneFrame(str(said["scene"]), cast(FrameAt, exact), page.place(path))
        self._mentions.append(_Mention(page, path, frame, by))
        return frame


def _missing(
    mention: _Mention,
    film: Mapping[str, ParsedScene],
    skipped: Mapping[str, ParsedScene | None],
    known: tuple[str, ...],
) -> Problem | None:
    """The problem of a frame that does not exist, told of a keyframe and not of its users; None if it does."""
    frame, name = mention.frame, one_line(mention.frame.scene, 80)
    if frame.scene in skipped and mention.by and mention.by not in skipped:
        return mention.problem(
            f"the scene '{name}' is skipped, so it has no frame", "remove its 'skip', or name another scene or an image"
        )
    if mention.key == "keyframe":
        return None
    if frame.scene not in known:
        return mention.problem(f"there is no scene '{name}'", did_you_mean(frame.scene, known) or _listed(known))
    source = film.get(frame.scene) or skipped.get(frame.scene)
    if source is None:
        return None
    if isinstance(source.scene.source, OwnClip):
        return mention.problem(f"the scene '{name}' is a local clip", "save the frame as an image, and name that file")
    if isinstance(source.scene.source, Still):
        return mention.problem(f"the scene '{name}' is a still", "name its picture itself")
    return _late(mention, source)


def _misshapen(mention: _Mention, film: Mapping[str, ParsedScene]) -> Problem | None:
    """A warning of a frame whose shape is not that of the scene that it is for."""
    by, other = film.get(mention.by), film.get(mention.frame.scene)
    if not by or not other or mention.frame.at == "sheet":
        return None
    mine, its = by.scene.source, other.scene.source
    if not isinstance(mine, Generated) or not isinstance(its, Generated) or "auto" in (mine.aspect, its.aspect):
        return None
    if mine.aspect == its.aspect or by.words.get("frame_fit"):
        return None
    message = f"'{other.scene.id}' is {its.aspect}, this scene is {mine.aspect}"
    where = (*mention.path, mention.key)
    hint = "the provider will crop its frame or fill it up; 'frame_fit: crop', 'pad' or 'blur' decides how"
    return mention.page.problem(where, message, hint, severity="warning")


def _late(mention: _Mention, source: ParsedScene) -> Problem | None:
    at, seconds = mention.frame.at, source.scene.seconds
    if not isinstance(at, Fraction) or seconds is None or at < seconds:
        return None
    message = f"'at' is {format_seconds(at)} s, and '{source.scene.id}' is {format_seconds(seconds)} s long"
    return mention.problem(message, "write 'at: last' for its last frame", "at")


def _listed(known: "tuple[str, ...] | list[str]") -> str:
    return f"there are: {', '.join(known[:20])}" if known else ""


def cycle_problem(film: Mapping[str, ParsedScene]) -> Problem | None:
    """The problem of the first cycle of scenes that wait for each other, at its earliest scene; None without one."""
    cycle = find_cycle({scene: [frame.scene for _, frame in _frames(each)] for scene, each in film.items()})
    if not cycle:
        return None
    first = min(cycle, key=list(film).index)
    begins = cycle.index(first)
    order = [*cycle[begins:], *cycle[:begins], first]
    key = next(key for key, frame in _frames(film[first]) if frame.scene == order[1])
    word = film[first].words.get(key)
    assert word is not None
    if len(order) == 2:
        return word.problem("a scene cannot have a frame of itself", "name another scene, or an image")
    shown = " -> ".join(order if len(order) <= 12 else [*order[:10], "…", first])
    return word.problem("these scenes wait for each other", f"{shown}: let one of them begin with an image")


def _frames(each: ParsedScene) -> list[tuple[str, SceneFrame]]:
    """The frames of scenes that a scene begins and ends with, or has as references, by key."""
    source = each.scene.source
    if not isinstance(source, Generated):
        return []
    references = [("references", image) for image in source.references]
    frames = (("first_frame", source.first_frame), ("last_frame", source.last_frame), *references)
    return [(key, frame) for key, frame in frames if isinstance(frame, SceneFrame)]


def find_cycle(after: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a cycle of a graph, each node before one that it waits for; empty if there is none."""
    done: set[str] = set()
    for start in after:
        way: dict[str, None] = {}
        branches = [[start]]
        while branches:
            if not branches[-1]:
                branches.pop()
                if way:
                    done.add(way.popitem()[0])
                continue
            node = branches[-1].pop()
            if node in way:
                return list(way)[list(way).index(node) :]
            if node not in done and node in after:
                way[node] = None
                branches.append(list(after[node]))
    return []
