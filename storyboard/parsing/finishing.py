"""Finishing of a scene (transition, titles, captions, audio, effect), and the music of the film."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from storyboard.model.problem import Problem
from storyboard.model.seam import is_seam
from storyboard.model.storyboard import (
    Audio,
    Caption,
    Finish,
    Legibility,
    MusicBed,
    Over,
    Position,
    Scene,
    Seam,
    Title,
    Transition,
    TransitionKind,
)
from storyboard.model.text import format_seconds
from storyboard.parsing.assets import Assets
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.source import KeyPath, SourceFile
from storyboard.parsing.values import ParsedScene, SceneValues, Value

_COLORS = {
    "white": "#ffffff",
    "black": "#000000",
    "yellow": "#ffff00",
    "red": "#ff0000",
    "green": "#00a000",
    "blue": "#0000ff",
}

# Renders the template at a path of a file, and reports its problems.
Rendered = Callable[[SourceFile, KeyPath, str], str]


@dataclass(frozen=True, slots=True)
class _TimedText:
    """One mapping of a value that is a mapping or a list of mappings.

    ``short``: the file has only the text of its most important key in the place of the mapping.
    """

    page: SourceFile
    path: KeyPath
    value: Mapping[str, object]
    short: bool = False

    def place(self, name: str) -> KeyPath:
        """The path of a key's value in the file."""
        return self.path if self.short else (*self.path, name)

    def number(self, name: str, default: str) -> Fraction:
        return Fraction(str(self.value.get(name, default)))

    def problem(self, name: str, message: str, hint: str = "", *, warning: bool = False) -> Problem:
        return self.page.problem(self.place(name), message, hint, severity="warning" if warning else "error")


class Finishing:
    """Parses the finishing of scenes. ``wrong`` is called with each problem."""

    def __init__(self, found: Assets, wrong: Callable[[Problem], None]) -> None:
        self._found = found
        self._wrong = wrong

    def scene(self, words: SceneValues, seconds: Fraction | None, rendered: Rendered) -> Finish:
        """The finishing of a scene that is ``seconds`` long on screen (None: unknown)."""
        return Finish(
            transition=_transition(words.get("transition")),
            titles=tuple(self._title(part, seconds, rendered) for part in _parts(words.get("title"), "text")),
            captions=self._captions(words.get("caption"), seconds, rendered),
            audio=self._audio(words.get("audio"), words.get("voice"), seconds),
            effect=self._effect(words.get("effect")),
            seam=cast(Seam, word.value) if (word := words.get("seam")) else None,
        )

    def _effect(self, word: Value | None) -> str:
        if word is None:
            return ""
        return self._found.effect(word.page, word.path, str(word.value)) or ""

    def music(self, top: MappingNode) -> tuple[MusicBed, ...]:
        """The music beds of the film."""
        value = top.get("music")
        word = None if value is None else Value(value, top.page, (*top.path, "music"), own=True)
        return tuple(bed for part in _parts(word, "file") if (bed := self._bed(part)))

    def join_scenes(self, film: Sequence[ParsedScene]) -> list[ParsedScene]:
        """The scenes in film order with their transitions checked.

        The first scene of the film loses a transition other than a fade. That is a problem only where the scene is
        number 1 (no scene before it is skipped) and the transition is its own, not that of the defaults.
        """
        joined = []
        for at, (scene, words) in enumerate(film):
            coming, word = scene.finish.transition, words.get("transition")
            if coming and word and at == 0 and coming.kind != "fade":
                if word.own and scene.number == 1:
                    message = f"the film begins with this scene: there is nothing to {_verb(coming.kind)} from"
                    self._wrong(word.problem(message, "write 'kind: fade' to come in from black, or take it out"))
                scene = replace(scene, finish=replace(scene.finish, transition=None))
            elif coming and word:
                before = film[at - 1].scene if at else None
                fits = not before or before.seconds is None or self._fits(word, coming, before, before.seconds, at - 1)
                if fits and scene.seconds is not None and (coming.over == "both" or not before):
                    self._fits(word, coming, scene, scene.seconds, at)
            joined.append(ParsedScene(scene, words))
        self._check_seams(joined)
        return joined

    def _check_seams(self, film: Sequence[ParsedScene]) -> None:
        """Warn of a scene's own 'seam' where it does not begin with the frame that the one before it ends with."""
        for before, (scene, words) in zip((None, *film), film, strict=False):
            word = words.get("seam")
            if word and word.own and not (before and is_seam(before.scene, scene)):
                message = "'seam' changes nothing here"
                hint = "it is for a cut to a scene whose 'first_frame' is the last frame of the scene before"
                self._wrong(word.page.problem(word.path, message, hint, key=True, severity="warning"))

    def _fits(self, word: Value, coming: Transition, scene: Scene, seconds: Fraction, at: int) -> bool:
        """Whether the scene is long enough for the transitions at its start and end."""
        own = scene.finish.transition
        other = own if own and at and own is not coming and own.over == "both" else None
        if coming.seconds + (other.seconds if other else 0) <= seconds:
            return True
        hint = f"scene '{scene.id}' is {format_seconds(seconds)} s long"
        if other:
            hint += f", and {format_seconds(other.seconds)} s of it are its own transition"
        self._wrong(word.problem(f"this transition of {format_seconds(coming.seconds)} s does not fit", hint))
        return False

    def _title(self, part: _TimedText, seconds: Fraction | None, rendered: Rendered) -> Title:
        start, lasting = self._span(part, seconds)
        color = str(part.value.get("color", "white"))
        return Title(
            text=self._text(part, rendered),
            start=start,
            seconds=lasting,
            at=cast(Position, part.value.get("at", "center")),
            size=part.number("size", "8") / 100,
            color=_COLORS.get(color, color).lower(),
            legibility=cast(Legibility, part.value.get("legibility", "outline")),
        )

    def _captions(self, word: Value | None, seconds: Fraction | None, rendered: Rendered) -> tuple[Caption, ...]:
        if word is None:
            return ()
        if isinstance(word.value, str):
            text = rendered(word.page, word.path, word.value).strip()
            return (Caption(text, Fraction(0), None),) if text else ()
        lines = [(part, self._span(part, seconds)) for part in _parts(word, "text")]
        for (part, (start, _)), (_, (earlier, _)) in zip(lines[1:], lines, strict=False):
            if start < earlier:
                self._wrong(part.problem("from", "this line comes before the one above it", "put them in order"))
        return tuple(Caption(self._text(part, rendered), start, lasting) for part, (start, lasting) in lines)

    def _text(self, part: _TimedText, rendered: Rendered) -> str:
        return rendered(part.page, part.place("text"), str(part.value["text"])).strip()

    def _span(self, part: _TimedText, seconds: Fraction | None) -> tuple[Fraction, Fraction | None]:
        """Start and duration of a title or caption, in seconds of the scene; None: to the end of the scene."""
        start = part.number("from", "0")
        lasting = part.number("for", "0") or None
        if seconds is not None and start >= seconds:
            self._wrong(part.problem("from", f"the scene is only {format_seconds(seconds)} s long"))
        elif seconds is not None and lasting and start + lasting > seconds:
            message = f"the scene ends {format_seconds(start + lasting - seconds)} s before these words do"
            self._wrong(part.problem("for", message, "they end with it", warning=True))
        return start, lasting

    def _audio(self, word: Value | None, voice: Value | None, seconds: Fraction | None) -> Audio:
        said = _TimedText(word.page, word.path, cast(Mapping[str, object], word.value)) if word else None
        spoken_over = self._found.sound(voice.page, voice.path, str(voice.value)) if voice else None
        if voice and spoken_over and seconds is not None and spoken_over.seconds > seconds:
            late = format_seconds(spoken_over.seconds - seconds)
            hint = "make the scene longer, or the words shorter"
            message = f"the scene ends {late} s before this voice does, which is cut off there"
            self._wrong(voice.page.problem(voice.path, message, hint, severity="warning"))
        if said is None:
            return Audio(voice=spoken_over)
        track = int(said.number("track", "0"))
        return Audio(
            said.number("gain", "0"), bool(said.value.get("mute")), said.number("fade", "0"), spoken_over, track
        )

    def _bed(self, part: _TimedText) -> MusicBed | None:
        sound = self._found.sound(part.page, part.place("file"), str(part.value["file"]))
        if sound is None:
            return None
        duck, loop = bool(part.value.get("duck")), bool(part.value.get("loop"))
        return MusicBed(sound, part.number("gain", "0"), duck, loop, part.number("from", "0"), part.number("fade", "0"))


def _transition(word: Value | None) -> Transition | None:
    if word is None:
        return None
    short = {"kind": word.value} if isinstance(word.value, str) else word.value
    said = cast(Mapping[str, object], short)
    if said["kind"] == "cut":
        return None
    over = cast(Over, said.get("over", "both"))
    return Transition(cast(TransitionKind, said["kind"]), Fraction(str(said.get("seconds", "0.5"))), over)


def _verb(kind: TransitionKind) -> str:
    return kind.partition("-")[0]


def _parts(word: Value | None, key: str) -> list[_TimedText]:
    """The mappings of a value: a mapping, a list of mappings, or the text of ``key`` alone."""
    if word is None:
        return []
    if isinstance(word.value, str):
        return [_TimedText(word.page, word.path, {key: word.value}, short=True)]
    if isinstance(word.value, Mapping):
        return [_TimedText(word.page, word.path, word.value)]
    values = cast(Sequence[Mapping[str, object]], word.value)
    return [_TimedText(word.page, (*word.path, index), value) for index, value in enumerate(values)]
