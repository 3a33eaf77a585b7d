"""The contact sheet of a film, and its poster: what is there by now, at a glance. Nothing is asked for or paid."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storyboard.config.settings import Settings
from storyboard.export.chapters import chapter_time
from storyboard.export.sidecars import Sidecars
from storyboard.film.registry import FilmRegistry
from storyboard.model.errors import InputError, SceneFailed
from storyboard.model.fingerprint import fingerprint
from storyboard.model.realm_kind import Kind
from storyboard.model.storyboard import Generated, LocalImage, OwnClip, Scene, Still
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Measure, Take
from storyboard.model.text import one_line
from storyboard.planning.steps import Keep, Step
from storyboard.system.files import disk_errors, replace, scratch_dir
from storyboard.timeline.model import Clip, EffectClip, Timeline
from storyboard.workflow.facts import current_plan
from storyboard.workflow.footage import build_footage, local_media, scratch_name
from storyboard.workflow.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from PIL.Image import Image

    from storyboard.graphics.contact_sheet import Tile

# Raise it whenever the same part of a clip gives another thumbnail.
_MAKING = 1
_FPS = 24


@dataclass(frozen=True, slots=True)
class _Laid:
    """The film as it will be: where the bytes of its clips lie, their frames a second, and what is planned for scenes
    that have no take."""

    cut: Timeline
    paths: Mapping[str, Path]
    rates: Mapping[str, Fraction]
    lacking: Mapping[str, Step]

    def frame(self, clip: Clip, seconds: Fraction) -> int:
        """The frame of a clip's file that is seen then, counted from its first one."""
        return round(seconds * self.rates[clip.scene])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make. ``out`` is None for beside the film; ``warn`` is told what cannot be shown as it is."""

    file: Path
    realm: Kind | None
    given: Mapping[str, str]
    out: Path | None
    warn: Callable[[str], None]


def sheet(wanted: Wanted, settings: Settings) -> list[Path]:
    """Write the contact sheet; its pages, as PNG. Raises Problems and other StoryboardErrors."""
    from storyboard.graphics import contact_sheet
    from storyboard.graphics.fonts import missing_characters_sentence

    with open_workspace(wanted.file, settings, wanted.realm, given=wanted.given) as workspace:
        first = _place(workspace, wanted.out, ".sheet.png", (".png",))
        laid = _laid(workspace)
        cut, pictures = laid.cut, _Pictures(workspace, laid)
        frame = contact_sheet.box(len(cut.clips), (cut.width, cut.height))
        with ThreadPoolExecutor(2) as pool:
            drawn = pool.map(
                lambda scene, clip: _tile(scene, clip, laid, pictures, frame), workspace.storyboard.scenes, cut.clips
            )
            tiles = list(drawn)
        pictures.prune()
        if sentence := missing_characters_sentence(
            " ".join(f"{tile.words} {tile.why}" for tile in tiles), "the font of the sheet"
        ):
            wanted.warn(sentence)
        about = f"{len(tiles)} scene{'' if len(tiles) == 1 else 's'}, {chapter_time(cut.frames // cut.fps)}"
        return _put(
            Sidecars(workspace.file.parent), first, contact_sheet.pages(workspace.storyboard.title, about, tiles, frame)
        )


def poster(wanted: Wanted, scene: str, settings: Settings) -> Path:
    """Write one frame of the film in its size: the first on which ``scene`` ("" for the first) is seen alone.

    Raises SceneFailed where it has no take; Problems and other StoryboardErrors.
    """
    with open_workspace(wanted.file, settings, wanted.realm, given=wanted.given) as workspace:
        path = _place(workspace, wanted.out, ".jpg", (".jpg", ".jpeg", ".png"))
        laid = _laid(workspace)
        clip = _found(laid.cut, scene)
        if step := laid.lacking.get(clip.scene):
            draft = " --draft" if workspace.realm.kind == "draft" else ""
            typed = f"storyboard render {shlex.quote(workspace.shown)}{draft} --scene {clip.scene}"
            raise SceneFailed(f"scene {clip.scene}: {step.why}", f"make it with: {typed}")
        picture = _alone(workspace, laid, clip)
        Sidecars(workspace.file.parent).put(path, _saved(picture, "PNG" if path.suffix.lower() == ".png" else "JPEG"))
        return path


def thumbnails(workspace: Workspace, cut: Timeline, paths: Mapping[str, Path], rates: Mapping[str, Fraction]) -> None:
    """Make those that the sheet will have of some scenes; ``rates`` says how many frames a second their clips have.

    Raises LocalFault, BadMedia.
    """
    from storyboard.graphics import contact_sheet

    pictures = _Pictures(workspace, _Laid(cut, paths, rates, {}))
    frame = contact_sheet.box(len(cut.clips), (cut.width, cut.height))
    for clip in cut.clips:
        if clip.scene in rates:
            pictures.of(clip, frame)


def _laid(workspace: Workspace) -> _Laid:
    """A clip that is not there yet is taken to be as long as the provider makes them."""
    steps = {step.scene: step for step in current_plan(workspace).steps}
    takes = {scene: step.take for scene, step in steps.items() if isinstance(step, Keep)}
    lacking = {scene: step for scene, step in steps.items() if scene not in takes}
    takes |= {scene.id: _due(workspace, scene) for scene in workspace.storyboard.scenes if scene.id in lacking}
    cut, paths = build_footage(workspace, takes)
    rates = {scene: take.measure.fps for scene, take in takes.items()}
    for scene in workspace.storyboard.scenes:
        if isinstance(scene.source, OwnClip):
            rates[scene.id] = workspace.source_files.clip(scene.source.path).fps
    return _Laid(cut, paths, rates, lacking)


def _due(workspace: Workspace, scene: Scene) -> Take:
    assert isinstance(scene.source, Generated)
    model = workspace.provider.capabilities.model(scene.source.model)
    size = model.quality(scene.source.resolution).size
    size = size[::-1] if scene.source.aspect == "9:16" else size
    return Take("0" * 64, 0, Measure(model.seconds * _FPS, Fraction(_FPS), *size, sound=True))


def _place(workspace: Workspace, out: Path | None, suffix: str, kinds: tuple[str, ...]) -> Path:
    """Where the picture goes: beside the film unless it is said. Raises InputError."""
    films = FilmRegistry(workspace.file.parent)
    if out is None:
        return films.default_path(Path(workspace.storyboard.output.file), workspace.realm.kind).with_suffix(suffix)
    if out.suffix.lower() not in kinds:
        raise InputError(f"{out} is no name for this picture", f"it is {' or '.join(kinds)}")
    own = {(workspace.file.parent / image).resolve() for image in _images(workspace.storyboard.scenes)}
    if out.resolve() in own:
        raise InputError(f"{out} is a picture of this storyboard", "give it another name")
    return films.check_writable(out.absolute(), local_media(workspace))


def _images(scenes: Iterable[Scene]) -> Iterator[PurePosixPath]:
    for scene in scenes:
        match scene.source:
            case Generated(first_frame=first, last_frame=last, references=references):
                yield from (image.path for image in (first, last, *references) if isinstance(image, LocalImage))
            case Still(image=LocalImage(path=path)):
                yield path


def _found(cut: Timeline, scene: str) -> Clip:
    known = [clip.scene for clip in cut.clips]
    if scene and scene not in known:
        raise InputError(f"no scene of the film is called '{one_line(scene, 80)}'", did_you_mean(scene, known))
    return cut.clips[known.index(scene) if scene else 0]


def _tile(scene: Scene, clip: Clip, laid: _Laid, pictures: "_Pictures", frame: tuple[int, int]) -> "Tile":
    from storyboard.graphics.contact_sheet import Tile

    fps = laid.cut.fps
    seconds = f"{float(Fraction(clip.frames, fps)):.2f}".rstrip("0").rstrip(".")
    time = f"{chapter_time(clip.at // fps)} · {seconds} s"
    if step := laid.lacking.get(scene.id):
        return Tile(scene.id, time, _words(scene), None, step.why)
    return Tile(scene.id, time, _words(scene), pictures.of(clip, frame))


def _words(scene: Scene) -> str:
    match scene.source:
        case Generated(prompt=prompt):
            return prompt
        case OwnClip(path=path):
            return str(path)
        case Still(image=image, color=color):
            return str(image.path) if image else color


class _Pictures:
    """The thumbnails of a film: those that were made before are kept in its scratch folder."""

    def __init__(self, workspace: Workspace, laid: _Laid) -> None:
        self._at, self._laid = workspace, laid
        self._folder = scratch_dir(workspace.file.parent, "pictures", scratch_name(workspace))
        self._kept: set[str] = set()

    def of(self, clip: Clip, box: tuple[int, int]) -> "Image":
        path = self._folder / f"{fingerprint(_MAKING, clip.digest, clip.start, clip.end, box)[:32]}.png"
        self._kept.add(path.name)
        if kept := _kept(path, box):
            return kept
        made = self._made(clip, box)
        replace(path, _saved(made, "PNG"))
        return made

    def prune(self) -> None:
        """Remove those of clips that the film has no more."""
        with disk_errors(self._folder):
            for path in self._folder.glob("*.png"):
                if path.name not in self._kept:
                    path.unlink()

    def _made(self, clip: Clip, box: tuple[int, int]) -> "Image":
        from PIL import ImageOps

        from storyboard.media import frames

        clip = _bare(clip)
        if isinstance(clip.drawn, Still):
            return ImageOps.contain(_drawn(self._at, clip.drawn, self._laid.cut), box)
        first, last = (self._laid.frame(clip, seconds) for seconds in (clip.start, clip.end))
        return frames.thumbnail(self._laid.paths[clip.digest], first, last, box)


def _kept(path: Path, box: tuple[int, int]) -> "Image | None":
    """A thumbnail that was made before. A scratch folder that came with a project may hold planted ones."""
    from PIL import Image

    if path.is_symlink() or not path.is_file():
        return None
    try:
        with Image.open(path, formats=("PNG",)) as kept:
            return kept.convert("RGB") if kept.width <= box[0] and kept.height <= box[1] else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _alone(workspace: Workspace, laid: _Laid, clip: Clip) -> "Image":
    """The first frame of a clip behind its transition, in the film's shape."""
    from PIL import ImageOps

    from storyboard.media import frames

    cut, joint = laid.cut, Fraction(clip.joint.frames if clip.joint else 0, laid.cut.fps)
    clip = _bare(clip)
    if isinstance(clip.drawn, Still):
        return _drawn(workspace, clip.drawn, cut)
    last = laid.frame(clip, clip.end) - 1
    picture = frames.frame(laid.paths[clip.digest], min(laid.frame(clip, clip.start + joint), last))
    size = (cut.width, cut.height)
    return ImageOps.fit(picture, size) if cut.fit == "crop" else ImageOps.pad(picture, size)


def _bare(clip: Clip) -> Clip:
    """The clip without its effect: a sheet is looked at while a film is made, and does not wait for one."""
    return clip.drawn.clip if isinstance(clip.drawn, EffectClip) else clip


def _drawn(workspace: Workspace, still: Still, cut: Timeline) -> "Image":
    """A still as it fills the film's frame, before it moves."""
    from PIL import Image, ImageOps

    size = (cut.width, cut.height)
    if still.image is None:
        return Image.new("RGB", size, still.color)
    with Image.open(
        BytesIO(workspace.source_files.bytes_of(still.image.path)), formats=("PNG", "JPEG", "WEBP")
    ) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    return ImageOps.fit(picture, size) if cut.fit == "crop" else ImageOps.pad(picture, size)


def _put(beside: Sidecars, first: Path, pages: "Iterable[Image]") -> list[Path]:
    """Write the pages; those that an earlier sheet had beyond them are taken away."""
    written = []
    for number, page in enumerate(pages, 1):
        written.append(_page(first, number))
        beside.put(written[-1], _saved(page, "PNG"))
    number = len(written) + 1
    while beside.has(path := _page(first, number)):
        beside.put(path, b"")
        number += 1
    return written


def _page(first: Path, number: int) -> Path:
    return first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")


def _saved(picture: "Image", kind: str) -> bytes:
    content = BytesIO()
    picture.save(content, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return content.getvalue()
