"""The rules that no schema can say, and the storyboard made whole: every default filled in, every unit parsed."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import cast

from storyboard.offer import Offer
from storyboard.plain import show
from storyboard.reading import template, yaml
from storyboard.reading.files import Files
from storyboard.reading.finishing import Finishing, spoken
from storyboard.reading.found import Found, resolve
from storyboard.reading.gather import ENOUGH, MAX_PROBLEMS, Entry, Gathered
from storyboard.reading.near import did_you_mean
from storyboard.reading.page import Page, Path, named
from storyboard.reading.words import Word, Words
from storyboard.story import (
    Aspect,
    Captions,
    Fit,
    Generated,
    Image,
    LocalImage,
    Move,
    Output,
    OwnClip,
    Problem,
    Resolution,
    Scene,
    Source,
    Still,
    Storyboard,
    Trim,
)

_MADE = (
    "model",
    "aspect",
    "first_frame",
    "last_frame",
    "references",
    "seed",
    "translate",
    "watermark",
    "resolution",
    "takes",
    "pick",
)  # fmt: skip
# Files are named after scenes, and Windows opens a device where a file has one of these names.
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})
_SHAPES = {"16:9": Fraction(16, 9), "9:16": Fraction(9, 16)}
_ALIKE = Fraction(2, 100)
_KINDS = ("prompt", "file", "still")
_OWN = {"file": "a clip of your own", "still": "a picture of your own"}
_COLOR = re.compile("#[0-9a-fA-F]{6}")


class Rules:
    """One reading: what is in scope, what has been looked at already, and the ``problems`` found.

    ``_blind`` is True where the vars or the cast cannot be read, so that no prompt can be carried out.
    """

    def __init__(self, gathered: Gathered, files: Files, offer: Offer) -> None:
        self.problems: list[Problem] = []
        self._entries = gathered.scenes
        self._offer = offer
        self._work = template.Work()
        self._scope: dict[str, object] = {}
        self._blind = False
        self._members: dict[str, Entry] = {}
        self._found = Found(files)
        self._finishing = Finishing(self._found, self._wrong)

    def whole(self, name: str, top: Entry, given: Mapping[str, str]) -> Storyboard:
        """The storyboard called ``name``, of what is sound; it is only worth something without problems."""
        self._blind = any(top.has(key) and top.inner(key) is None for key in ("vars", "cast"))
        title = str(self._plain(top, "title") or name)
        self._scope = self._vars(top, given) | {"cast": self._cast(top), "title": title}
        self._ids()
        output = self._output(name, top)
        defaults = top.inner("defaults")
        film: list[tuple[Scene, Words, Fraction | None]] = []
        skipped: list[str] = []
        for number, entry in enumerate(self._entries, 1):
            if len(self.problems) >= MAX_PROBLEMS:
                self._wrong(entry.problem((), *ENOUGH))
                break
            words = Words(entry, defaults)
            scene, seconds = self._scene(words, number, output)
            if (skip := words.get("skip")) and skip.value:
                skipped.append(str(entry.get("id")))
            elif scene:
                film.append((scene, words, seconds))
        if self._entries and len(skipped) == len(self._entries):
            self._wrong(top.problem(("scenes",), "every scene is skipped, so there is no film", key=True))
        scenes = self._finishing.joined(film)
        return Storyboard(name, title, scenes, tuple(skipped), output, self._finishing.music(top))

    def _wrong(self, problem: Problem) -> None:
        self.problems.append(problem)

    # What the scenes share.

    def _plain(self, entry: Entry, name: str) -> object:
        """The text of a key that is no template. Tags in it would be shown, or sent and paid for, as they stand."""
        value = entry.get(name)
        if isinstance(value, str) and not template.plain(value):
            hint = "only prompts, titles, captions and vars are templates: write it out"
            self._wrong(entry.problem((name,), f"'{name}' is plain text, and this has a tag in it", hint))
        return value

    def _vars(self, top: Entry, given: Mapping[str, str]) -> dict[str, object]:
        entry = top.inner("vars") or Entry(top.page, top.begins(), yaml.Map())
        known = [key for key in entry.value if not key.startswith("x-")]
        if top.inner("vars") or not top.has("vars"):
            self._given(entry, known, given)
        scope: dict[str, object] = {}
        for key in known:
            scope[key] = given[key] if key in given else self._filled(entry, (key,), entry.value[key], scope)
        return scope

    def _given(self, entry: Entry, known: list[str], given: Mapping[str, str]) -> None:
        for key, text in given.items():
            if key not in known:
                hint = did_you_mean(key, known) or "add it to 'vars', without a value if it is always given"
                self._wrong(entry.problem((), f"--var {show(key, 60)}: there is no such var", hint, key=True))
            elif yaml.UNSPEAKABLE.search(text):
                self._wrong(entry.problem((key,), f"--var {show(key, 60)}: an invisible character", key=True))

    def _filled(self, entry: Entry, path: Path, value: object, scope: Mapping[str, object]) -> object:
        """A var with the templates in it carried out, over the vars above it."""
        if isinstance(value, str):
            return self._rendered(entry.page, (*entry.path, *path), value, scope)
        if isinstance(value, yaml.Map):
            return {key: self._filled(entry, (*path, key), part, scope) for key, part in value.items()}
        if isinstance(value, yaml.Items):
            return [self._filled(entry, (*path, index), part, scope) for index, part in enumerate(value)]
        if value is None and entry.page.commented((*entry.path, *path)):
            words = "this is a comment, because it begins with '#': there is no value"
            self._wrong(entry.page.problem((*entry.path, *path), words, "put the value in quotes", severity="warning"))
        return value

    def _cast(self, top: Entry) -> dict[str, object]:
        """What each member looks like; its name where that is not known, so that nobody is reported twice."""
        entry = top.inner("cast")
        looks: dict[str, object] = {}
        for name in entry.value if entry else ():
            member = entry.inner(name) if entry and not name.startswith("x-") else None
            if member:
                self._members[name] = member
            looks[name] = (self._plain(member, "looks") if member else None) or name
        return looks

    def _ids(self) -> None:
        first: dict[str, Entry] = {}
        for entry in self._entries:
            word = entry.value.get("id")
            if not isinstance(word, str):
                continue
            other = first.setdefault(word.casefold(), entry)
            if word.casefold() in _DEVICES:
                message = f"'{word}' cannot be an id: Windows has a device of that name"
                self._wrong(entry.problem(("id",), message, "choose another: files are named after scenes"))
            if other is not entry:
                place = other.page.place((*other.path, "id"))
                where = f"on line {place.line}" if place.file == entry.page.name else f"in {place.file}:{place.line}"
                said, before = show(word, 80), show(str(other.value["id"]), 80)
                same = (
                    f"the id '{said}' is taken"
                    if word == other.value["id"]
                    else f"'{said}' and '{before}' are too alike"
                )
                self._wrong(entry.problem(("id",), same, f"the other is {where}; ids differ in more than capitals"))

    def _output(self, name: str, top: Entry) -> Output:
        entry = top.inner("output") or Entry(top.page, (), yaml.Map())
        fps, fit = entry.get("fps"), cast(Fit, entry.get("fit") or "pad")
        file: PurePosixPath | Problem = PurePosixPath("out") / f"{name}.mp4"
        if word := entry.get("file"):
            file = resolve(entry.page, (*entry.path, "file"), str(word))
        if isinstance(file, Problem):
            self._wrong(file)
            file = PurePosixPath("out")
        loudness, captions = entry.get("loudness"), cast(Captions, entry.get("captions") or "sidecar")
        level = None if loudness is None else Fraction(str(loudness))
        return Output(file, self._size(entry), int(cast(int, fps)) if fps else None, fit, level, captions)

    def _size(self, entry: Entry) -> tuple[int, int] | None:
        word = entry.get("size")
        if word is None:
            return None
        width, height = map(int, str(word).split("x"))
        if width % 2 or height % 2:
            self._wrong(entry.problem(("size",), "width and height must be even", "video is kept in pairs of pixels"))
        elif not (16 <= width <= 4096 and 16 <= height <= 4096):
            self._wrong(entry.problem(("size",), "width and height can be 16 to 4096 pixels"))
        return width, height

    # One scene.

    def _scene(self, words: Words, number: int, output: Output) -> tuple[Scene | None, Fraction | None]:
        """The scene made whole, or None where that is not possible; what is wrong is noted either way.

        With it, how many seconds of it are seen, as far as that is known.
        """
        name, note = words.own.get("id"), words.get("note")
        source: Source | None
        whole: Fraction | None
        kind = self._kind(words)
        if kind == "prompt":
            source, whole = self._generated(words, number), Fraction(self._offer.seconds)
        else:
            source, whole = self._own(words, kind, output)
        trim = self._trim(words, whole)
        seconds = None if whole is None else min(whole, trim.end or whole) - trim.start
        scope = self._scope | {"scene": self._self(words, number)}
        finish = self._finishing.scene(words, seconds, lambda page, path, text: self._rendered(page, path, text, scope))
        if source is None or name is None:
            return None, seconds
        place = words.own.page.place((*words.own.path, *words.own.begins()), key=True)
        return Scene(str(name), number, source, trim, place, str(note.value) if note else "", finish), seconds

    def _kind(self, words: Words) -> str:
        """Which of a prompt, a clip and a picture the scene is. Its own word wins over the defaults'."""
        for entry in (words.own, words.defaults):
            said = [kind for kind in _KINDS if entry and entry.has(kind)]
            if len(said) > 1 and (word := words.get(said[1])):
                hint = f"a '{said[1]}' is {_OWN[said[1]]}: nothing is generated"
                self._wrong(word.problem(f"a scene has a '{said[0]}' or a '{said[1]}', not both", hint, key=True))
            if said:
                return said[-1]
        return "prompt"

    def _own(self, words: Words, kind: str, output: Output) -> tuple[OwnClip | Still | None, Fraction | None]:
        """The author's own clip or picture and how many seconds it has, as far as they are known."""
        for name in _MADE if not words.own.has("prompt") else ():
            if name in words.own.value:
                message = f"{_OWN[kind]} has no '{name}': nothing is generated"
                hint = f"take the key out, or write a 'prompt', not a '{kind}'"
                self._wrong(words.own.problem((name,), message, hint, key=True))
        word = words.get(kind)
        if word is None:
            return None, None
        if kind == "still":
            still = self._still(words, word)
            return still, still.seconds if still else None
        found = self._found.clip(word.page, word.path, str(word.value))
        if isinstance(found, Problem):
            self._wrong(found)
            return None, None
        if found.path == output.file:
            self._wrong(word.problem("the film would be written over this clip", "name another 'file' in 'output'"))
        return found, self._found.seconds(found)

    def _still(self, words: Words, word: Word) -> Still | None:
        seconds, move = words.get("seconds"), words.get("move")
        lasting = Fraction(str(seconds.value)) if seconds else Fraction(4)
        going = cast(Move, move.value if move else "in")
        name, place = str(word.value), word.page.place(word.path)
        if name.startswith("#"):
            if not _COLOR.fullmatch(name):
                self._wrong(word.problem(f"'{show(name, 60)}' is no colour", 'write it as "#rrggbb", in quotes'))
            return Still(None, name.lower(), lasting, "none", place)
        if "://" in name:
            self._wrong(word.problem("a still is a file of the project, not an address", "put it into the project"))
            return None
        image = self._image(word.page, word.path, name)
        return Still(image, "#000000", lasting, going, place) if isinstance(image, LocalImage) else None

    def _trim(self, words: Words, seconds: Fraction | None) -> Trim:
        word = words.get("trim")
        if word is None:
            return Trim()
        said = cast(Mapping[str, object], word.value)
        start = Fraction(str(said.get("from", 0)))
        end = Fraction(str(said["to"])) if "to" in said else None
        if end is not None and end <= start:
            self._wrong(word.page.problem((*word.path, "to"), "'to' must be later than 'from'"))
        if seconds is not None and "from" in said and start >= seconds:
            self._late(word, "from", start, seconds)
        if seconds is not None and end is not None and end > seconds:
            self._late(word, "to", end, seconds)
        return Trim(start, end)

    def _late(self, word: Word, name: str, at: Fraction, seconds: Fraction) -> None:
        message = f"'{name}' is {spoken(at)} s, and the clip is only {spoken(seconds)} s long"
        self._wrong(word.page.problem((*word.path, name), message))

    def _generated(self, words: Words, number: int) -> Generated | None:
        """What a provider is to make, or None without a prompt."""
        prompt = self._prompt(words, number)
        model, aspect, resolution = words.get("model"), words.get("aspect"), words.get("resolution")
        shape = cast(Aspect, aspect.value if aspect else "16:9")
        first, last, references = self._images(words)
        made = Generated(
            prompt=prompt or "",
            model=self._model(model),
            aspect=shape,
            first_frame=self._frame(first, shape),
            last_frame=self._frame(last, shape),
            references=self._references(references, words) if references else (),
            seed=self._seed(words.get("seed")),
            translate=bool(word.value) if (word := words.get("translate")) else True,
            watermark=self._watermark(words),
            resolution=cast(Resolution, resolution.value if resolution else "720p"),
        )
        self._possible(words, made, first, references)
        return made if prompt else None

    def _prompt(self, words: Words, number: int) -> str | None:
        word = words.get("prompt")
        if word is None:
            if not words.has("prompt"):
                message, hint = (
                    "the scene has no 'prompt', no 'file' and no 'still'",
                    "say what is to be seen: prompt: …",
                )
                self._wrong(words.own.problem(words.own.begins(), message, hint, key=True))
            return None
        scene = self._self(words, number)
        before = len(self.problems)
        text = self._rendered(word.page, word.path, str(word.value), self._scope | {"scene": scene}).strip()
        if not text and len(self.problems) == before:
            self._wrong(word.problem("the prompt is empty", "say what is to be seen and heard"))
        limit = self._offer.prompt_limit
        if len(text) > limit:
            self._wrong(
                word.problem(f"the prompt has {len(text):,} characters; at most {limit:,} can be sent", "shorten it")
            )
        return text

    def _self(self, words: Words, number: int) -> dict[str, object]:
        """What a template knows of the scene that it stands in."""
        return {"id": words.own.value.get("id"), "number": number, "count": len(self._entries)}

    def _rendered(self, page: Page, path: Path, source: str, scope: Mapping[str, object]) -> str:
        """The template at ``path`` carried out. Where something is wrong with it, that is said, once."""
        if template.plain(source) or self._blind:
            return source
        try:
            text, refused = template.parse(source).render(scope, self._work)
        except template.Refused as error:
            text, refused = source, (error,)
        for each in refused:
            line, column, width = named(page, path, each.name, each.line)
            self._wrong(page.at(line, column, each.message, each.hint, path, width))
        return text

    def _model(self, word: Word | None) -> str:
        known = self._offer.models
        if word is None:
            return "veo3_fast" if "veo3_fast" in known else known[0]
        name = str(word.value)
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
            self._wrong(word.problem(f"'{show(name, 60)}' is not a model", hint))
        return name

    def _seed(self, word: Word | None) -> int | None:
        if word is None:
            return None
        seed, (least, most) = int(cast(int, word.value)), self._offer.seeds
        if not least <= seed <= most:
            self._wrong(word.problem(f"a seed is a number from {least} to {most}"))
        return seed

    def _watermark(self, words: Words) -> str | None:
        word = words.get("watermark")
        if word and not template.plain(str(word.value)):
            self._wrong(word.problem("a watermark is plain text, and this has a tag in it", "write it out"))
        return str(word.value) if word else None

    # Its images.

    def _images(self, words: Words) -> tuple[Word | None, Word | None, Word | None]:
        """First frame, last frame, references. The scene's own frames put the defaults' references aside, and the
        other way about."""
        first, last, references = words.get("first_frame"), words.get("last_frame"), words.get("references")
        own_frames = words.own.has("first_frame") or words.own.has("last_frame")
        if own_frames and references and not references.own:
            references = None
        elif words.own.has("references") and not own_frames:
            first = last = None
        if references and (first or last):
            hint = "frames say where the shot begins and ends, references what is in it"
            self._wrong(references.problem("a scene has frames or references, not both", hint, key=True))
        if last and not first and not words.own.has("first_frame"):
            self._wrong(
                last.problem("'last_frame' needs a 'first_frame'", "name the image that the shot begins with", key=True)
            )
        return first, last, references

    def _frame(self, word: Word | None, shape: str) -> Image | None:
        if word is None:
            return None
        image = self._image(word.page, word.path, str(word.value))
        if isinstance(image, LocalImage) and shape in _SHAPES:
            ratio = Fraction(image.width, image.height) / _SHAPES[shape]
            if abs(ratio - 1) > _ALIKE:
                message = f"this image is {image.width}x{image.height}, the scene is {shape}"
                hint = "the provider will crop it or fill it up"
                self._wrong(word.page.problem(word.path, message, hint, severity="warning"))
        return image

    def _references(self, word: Word, words: Words) -> tuple[Image, ...]:
        places = [(word.page, (*word.path, index), text) for index, text in enumerate(cast(list[str], word.value))]
        said = f"{len(places)} references"
        if word.value == "cast":
            places = self._portraits(words)
            said = f"the cast in this prompt has {len(places)} images"
            if not places and word.own:
                hint = "name one that has 'images', such as {{ cast.keeper }}"
                self._wrong(word.problem("the prompt names no member of the cast that has images", hint))
        most = self._offer.reference_limit
        if len(places) > most:
            self._wrong(word.problem(f"{said}; at most {most} can be sent", "list the ones that matter most"))
        return tuple(image for place in places[:most] if (image := self._image(*place)))

    def _portraits(self, words: Words) -> list[tuple[Page, Path, str]]:
        """The images of the cast members that the prompt names, in the order in which it names them."""
        prompt = words.get("prompt")
        try:
            names = template.parse(str(prompt.value)).members if prompt else ()
        except template.Refused:
            return []
        found: dict[str, tuple[Page, Path, str]] = {}
        for name in names:
            member = self._members.get(name)
            images = member.get("images") if member else None
            for index, text in enumerate(cast(list[str], images or [])):
                assert member is not None
                found.setdefault(text, (member.page, (*member.path, "images", index), text))
        return list(found.values())

    def _image(self, page: Page, path: Path, word: str) -> Image | None:
        image = self._found.image(page, path, word)
        if isinstance(image, Problem):
            self._wrong(image)
            return None
        return image

    # What only works together with something else. It is said where the scene itself asks for it.

    def _possible(self, words: Words, made: Generated, first: Word | None, references: Word | None) -> None:
        """What this provider cannot make."""
        self._shape(words, made, first or references)
        if references and made.references:
            self._referable(words, made, references)
        resolution, known = words.get("resolution"), self._offer.hd_aspects
        if resolution and made.resolution == "1080p" and made.aspect not in known:
            message = f"1080p exists for {_only(known)}, this is {made.aspect}"
            self._wrong(
                _nearer(resolution, words.get("aspect") or resolution).problem(message, "leave 'resolution' out")
            )

    def _shape(self, words: Words, made: Generated, image: Word | None) -> None:
        word, known = words.get("aspect"), self._offer.aspects
        if word and made.aspect not in known:
            self._wrong(word.problem(f"{made.aspect} is no shape of this provider", f"there are: {', '.join(known)}"))
        elif word and made.aspect == "auto" and not image and not words.own.has("first_frame"):
            message = "'auto' takes the shape of the first frame, and there is none"
            self._wrong(word.problem(message, "add a 'first_frame', or write 16:9 or 9:16"))

    def _referable(self, words: Words, made: Generated, references: Word) -> None:
        models, aspects = self._offer.reference_models, self._offer.reference_aspects
        if made.model in self._offer.models and made.model not in models:
            message = f"references work with {_only(models)}, this is {made.model}"
            hint = _instead("model", models)
            self._wrong(_nearer(words.get("model"), references).problem(message, hint))
        if made.aspect not in aspects:
            message = f"references work in {_only(aspects)}, this is {made.aspect}"
            hint = _instead("aspect", aspects)
            self._wrong(_nearer(words.get("aspect"), references).problem(message, hint))


def _only(known: Sequence[str]) -> str:
    return f"{' and '.join(known)} only" if known else "nothing that this provider makes"


def _instead(key: str, known: Sequence[str]) -> str:
    frame = "begin with a 'first_frame'"
    return f"write '{key}: {known[0]}', or {frame}" if known else frame


def _nearer(one: Word | None, other: Word) -> Word:
    """The word to point at when two do not go together: the scene's own, the first for preference."""
    return one if one and (one.own or not other.own) else other
