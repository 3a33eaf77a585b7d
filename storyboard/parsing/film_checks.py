"""Checks of the whole film: its shape, its length, its music, and defaults that change nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import log
from typing import cast

from storyboard.model.aspect_ratio import CHOOSE_FIT, RATIOS, is_alike, ratio_of
from storyboard.model.film_length import film_seconds
from storyboard.model.problem import Problem
from storyboard.model.storyboard import (
    Generated,
    LocalImage,
    MusicBed,
    Output,
    OwnClip,
    Scene,
    SceneFrame,
    Still,
)
from storyboard.model.text import format_seconds
from storyboard.parsing.assets import Assets
from storyboard.parsing.drift import drift_problems
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.values import ParsedScene

# A film may be this much longer or shorter than its `length`: a frame at 24 frames a second.
_FRAME = Fraction(1, 24)


def film_problems(
    top: MappingNode, output: Output, film: Sequence[ParsedScene], music: Sequence[MusicBed], found: Assets
) -> Iterator[Problem]:
    """Yield the problems of the film as a whole."""
    yield from _shapes(top, output, film, found)
    yield from _idle_defaults(top, film)
    yield from drift_problems(film)
    seconds = film_seconds([each.scene for each in film])
    if seconds is not None and film:
        yield from _length(top, seconds)
        yield from _late_music(top, music, seconds)


def _shapes(top: MappingNode, output: Output, film: Sequence[ParsedScene], found: Assets) -> Iterator[Problem]:
    """Scenes that are generated in another shape than the film's, which get black bars."""
    scenes = {each.scene.id: each.scene for each in film}
    shapes = [(each, _ratio(each.scene, found, scenes)) for each in film]
    known = [ratio for _, ratio in shapes if ratio]
    if not known:
        return
    size = output.size
    wanted = Fraction(*size) if size else Counter(known).most_common(1)[0][0]
    usual = next((name for name, ratio in RATIOS.items() if is_alike(ratio, wanted)), "of another shape")
    spoken = f"the film is {size[0]}x{size[1]}" if size else f"the film is {usual}"
    entry = top.inner("output")
    chosen = entry is not None and entry.has("fit")
    unsaid: list[ParsedScene] = []
    for each, ratio in shapes:
        if ratio is None or isinstance(each.scene.source, OwnClip) or is_alike(ratio, wanted):
            continue
        if each.words.get("aspect") is None:
            unsaid.append(each)
        elif not chosen:
            yield _misshapen(each, ratio, wanted, spoken)
    if unsaid and (_better(unsaid[0].scene, wanted) or not chosen):
        yield _unsaid(top, unsaid, wanted, spoken)


def _ratio(scene: Scene, found: Assets, scenes: Mapping[str, Scene]) -> Fraction | None:
    """Width by height of the clip that a scene will have; None for a still, or where it is not known."""
    source = scene.source
    while isinstance(source, Generated) and source.aspect == "auto" and isinstance(source.first_frame, SceneFrame):
        source = scenes[source.first_frame.scene].source
    if isinstance(source, OwnClip):
        return found.ratio(source)
    if isinstance(source, Still):
        return None
    if source.aspect == "auto" and isinstance(source.first_frame, LocalImage):
        return RATIOS["16:9" if source.first_frame.width >= source.first_frame.height else "9:16"]
    return ratio_of(source.aspect)


def _better(scene: Scene, wanted: Fraction) -> str | None:
    """The aspect that is nearer to the film's shape than the scene's own; None if there is none."""
    aspect = cast(Generated, scene.source).aspect
    nearest = min(RATIOS, key=lambda name: (abs(log(RATIOS[name] / wanted)), name != aspect))
    return nearest if nearest != aspect else None


def _misshapen(each: ParsedScene, ratio: Fraction, wanted: Fraction, spoken: str) -> Problem:
    word = each.words.get("aspect")
    assert word is not None
    shape = next((name for name in RATIOS if RATIOS[name] == ratio), word.value)
    aspect = shape if word.value == shape else f"{word.value} ({shape})"
    better = _better(each.scene, wanted)
    hint = f"write 'aspect: {better}' here, or 'fit: crop' under 'output'" if better else CHOOSE_FIT
    message = f"this scene is {aspect}, {spoken}: it gets black bars"
    return word.page.problem(word.path, message, hint, severity="warning")


def _unsaid(top: MappingNode, scenes: Sequence[ParsedScene], wanted: Fraction, spoken: str) -> Problem:
    """The one warning for all scenes whose shape is not written anywhere."""
    count = "1 scene is" if len(scenes) == 1 else f"{len(scenes)} scenes are"
    aspect = cast(Generated, scenes[0].scene.source).aspect
    better = _better(scenes[0].scene, wanted)
    hint = f"write 'defaults: {{aspect: {better}}}'" if better else CHOOSE_FIT
    message = f"{spoken}, and {count} {aspect} by default: black bars"
    entry, first = top.inner("output"), scenes[0].words.own
    if entry and entry.get("size"):
        return entry.page.problem((*entry.path, "size"), message, hint, severity="warning")
    return first.page.problem((*first.path, *first.begins()), message, hint, severity="warning")


def _idle_defaults(top: MappingNode, film: Sequence[ParsedScene]) -> Iterator[Problem]:
    """Defaults that are for stills, in a film without a still."""
    entry = top.inner("defaults")
    if entry is None or not film or any(isinstance(each.scene.source, Still) for each in film):
        return
    chosen = any(isinstance(source := each.scene.source, Generated) and source.seconds is not None for each in film)
    for key in ("move",) if chosen else ("seconds", "move"):
        if (value := entry.get(key)) is not None:
            shown = f"write 'trim: {{to: {value}}}' to show {value} s of each clip"
            hint = shown if key == "seconds" else "say in the prompts how the camera moves"
            message = f"no scene is a 'still', so '{key}' changes nothing"
            yield entry.page.problem((*entry.path, key), message, hint, key=True, severity="warning")


def _length(top: MappingNode, seconds: Fraction) -> Iterator[Problem]:
    """A film that is not as long as ``output.length`` says."""
    entry = top.inner("output")
    wanted = entry.get("length") if entry else None
    if entry is None or wanted is None:
        return
    most = isinstance(wanted, dict)
    limit = Fraction(str(cast(dict[str, object], wanted)["at_most"] if most else wanted))
    over = seconds - limit
    if over > _FRAME or (over < -_FRAME and not most):
        said = f"the film will be {format_seconds(seconds)} s long, and 'length' is"
        message = f"{said} {'at most ' if most else ''}{format_seconds(limit)} s"
        hint = f"{'shorten' if over > 0 else 'lengthen'} it by {format_seconds(abs(over))} s: 'trim' says what is shown"
        yield entry.problem(("length",), message, hint)


def _late_music(top: MappingNode, music: Sequence[MusicBed], seconds: Fraction) -> Iterator[Problem]:
    """Music that would begin when the film is over."""
    several = isinstance(top.value.get("music"), list)
    for index, bed in enumerate(music):
        if bed.start >= seconds:
            path = ("music", index, "from") if several else ("music", "from")
            message = f"the film ends at {format_seconds(seconds)} s, before this music begins: it is not heard"
            yield top.page.problem((*top.path, *path), message, "start it earlier, or take it out", severity="warning")
