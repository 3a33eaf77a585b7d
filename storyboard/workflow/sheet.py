"""The contact sheet of a film, and its poster: what exists by now, at a glance. Nothing is submitted or paid for."""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storyboard.config.settings import Settings
from storyboard.export.chapters import chapter_time
from storyboard.export.sidecars import Sidecars
from storyboard.film.registry import FilmRegistry
from storyboard.film.thumbnails import FrameSources, Thumbnails, encode_image, make_thumbnails, single_frame
from storyboard.model.errors import InputError, SceneFailed, StoryboardError
from storyboard.model.realm_kind import Kind
from storyboard.model.storyboard import Generated, LocalImage, OwnClip, Scene, Still
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Take
from storyboard.model.text import one_line
from storyboard.planning.steps import Keep
from storyboard.system.files import scratch_dir
from storyboard.timeline.model import Clip, Timeline
from storyboard.workflow.draft_labels import expected_measure
from storyboard.workflow.facts import current_plan
from storyboard.workflow.footage import build_footage, local_media, scratch_name
from storyboard.workflow.partial import TolerantFiles, slates_for_troubles
from storyboard.workflow.sheet_words import unshared_words
from storyboard.workflow.source_files import Project
from storyboard.workflow.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from PIL.Image import Image

    from storyboard.graphics.contact_sheet import Tile


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """What to make, and of which storyboard. ``out`` is None for beside the film; ``warn`` is given warnings.

    ``model`` is that of the proofs to show, "" for none.
    """

    file: Path
    realm: Kind | None
    given: Mapping[str, str]
    out: Path | None
    warn: Callable[[str], None]
    model: str = ""


def sheet(options: SheetOptions, settings: Settings) -> list[Path]:
    """Write the contact sheet; return its pages, as PNG. Raise Problems and other StoryboardErrors."""
    from storyboard.graphics import contact_sheet
    from storyboard.graphics.fonts import missing_characters_sentence

    with _opened(options, settings) as (workspace, troubles):
        first = _place(workspace, options.out, ".sheet.png", (".png",))
        sources, missing = _sources(workspace, troubles)
        timeline, thumbnails = sources.timeline, Thumbnails(sources, thumbnails_folder(workspace))
        box = contact_sheet.box(len(timeline.clips), (timeline.width, timeline.height))

        words = _words(workspace.storyboard.scenes)

        def tile(scene: Scene, clip: Clip) -> "Tile":
            try:
                return _tile(
                    scene, words[scene.id], clip, timeline.fps, missing.get(scene.id) or thumbnails.of(clip, box)
                )
            except StoryboardError as error:
                return _tile(scene, words[scene.id], clip, timeline.fps, error.message)

        with ThreadPoolExecutor(2) as pool:
            tiles = list(pool.map(tile, workspace.storyboard.scenes, timeline.clips))
        thumbnails.prune()
        shown = " ".join(f"{tile.words} {tile.why}" for tile in tiles)
        if sentence := missing_characters_sentence(shown, "the font of the sheet"):
            options.warn(sentence)
        count = f"{len(tiles)} scene{'' if len(tiles) == 1 else 's'}"
        about = f"{count}, {chapter_time(timeline.frames // timeline.fps)}"
        pages = contact_sheet.pages(workspace.storyboard.title, about, tiles, box)
        return write_pages(Sidecars(workspace.file.parent), first, pages)


def poster(options: SheetOptions, scene: str, settings: Settings) -> Path:
    """Write one frame of the film in its size: the first on which ``scene`` ("" for the first) is seen alone.

    Raise SceneFailed if it has no take; Problems and other StoryboardErrors.
    """
    with _opened(options, settings) as (workspace, troubles):
        path = _place(workspace, options.out, ".jpg", (".jpg", ".jpeg", ".png"))
        sources, missing = _sources(workspace, troubles)
        clip = _clip_named(sources.timeline, scene)
        if why := missing.get(clip.scene):
            draft = " --draft" if workspace.realm.kind == "draft" else ""
            draft += f" --model {shlex.quote(options.model)}" if options.model else ""
            typed = f"storyboard render {shlex.quote(workspace.shown)}{draft} --scene {clip.scene}"
            hint = f"make it with: {typed}" if clip.scene in workspace.wanted else "correct or replace its file"
            raise SceneFailed(f"scene {clip.scene}: {why}", hint)
        kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
        Sidecars(workspace.file.parent).put(path, encode_image(single_frame(sources, clip), kind))
        return path


def prepare_thumbnails(
    workspace: Workspace, timeline: Timeline, paths: Mapping[str, Path], rates: Mapping[str, Fraction]
) -> None:
    """Make the thumbnails that the sheet will need of some scenes; ``rates`` are the frame rates of their clips.

    Raise LocalFault, BadMedia.
    """
    make_thumbnails(FrameSources(timeline, paths, rates, _read_image(workspace)), thumbnails_folder(workspace))


def thumbnails_folder(workspace: Workspace) -> Path:
    """Return the folder that keeps the thumbnails of this film. Raise LocalFault."""
    return scratch_dir(workspace.file.parent, "pictures", scratch_name(workspace))


@contextmanager
def _opened(options: SheetOptions, settings: Settings) -> Iterator[tuple[Workspace, Mapping[PurePosixPath, str]]]:
    """The workspace, and why files of it cannot be read: a sheet is made all the same."""
    files = TolerantFiles(Project(options.file.parent))
    with open_workspace(
        options.file, settings, options.realm, given=options.given, files=files, looking=True, model=options.model
    ) as workspace:
        yield workspace, files.troubles


def _sources(workspace: Workspace, troubles: Mapping[PurePosixPath, str]) -> tuple[FrameSources, Mapping[str, str]]:
    """The film as it will be, and why scenes have no picture: these are as long as the provider makes clips."""
    steps = current_plan(workspace).film_steps
    takes = {scene: step.take for scene, step in steps.items() if isinstance(step, Keep)}
    missing = {scene: step.why for scene, step in steps.items() if scene not in takes}
    takes |= {
        scene.id: _expected_take(workspace, scene) for scene in workspace.storyboard.scenes if scene.id in missing
    }
    slates = slates_for_troubles(workspace, troubles)
    missing |= {scene: slate.why for scene, slate in slates.items()}
    timeline, paths = build_footage(workspace, takes, slates)
    rates = {scene: take.measure.fps for scene, take in takes.items()}
    for scene in workspace.storyboard.scenes:
        if isinstance(scene.source, OwnClip) and scene.id not in slates:
            rates[scene.id] = workspace.source_files.clip(scene.source.path).fps
    return FrameSources(timeline, paths, rates, _read_image(workspace)), missing


def _read_image(workspace: Workspace) -> Callable[[LocalImage], bytes]:
    return lambda image: workspace.source_files.bytes_of(image.path)


def _expected_take(workspace: Workspace, scene: Scene) -> Take:
    assert isinstance(scene.source, Generated)
    return Take("0" * 64, 0, expected_measure(scene.source, workspace.catalogue))


def _place(workspace: Workspace, out: Path | None, suffix: str, kinds: tuple[str, ...]) -> Path:
    """Where the picture goes: ``out``, else beside the film. Raise InputError."""
    registry = FilmRegistry(workspace.file.parent)
    if out is None:
        default = Path(workspace.storyboard.output.file)
        return registry.default_path(default, workspace.realm.kind).with_suffix(suffix)
    if out.suffix.lower() not in kinds:
        raise InputError(f"{out} is no name for this picture", f"it is {' or '.join(kinds)}")
    local = {(workspace.file.parent / image).resolve() for image in _images(workspace.storyboard.scenes)}
    if out.resolve() in local:
        raise InputError(f"{out} is a picture of this storyboard", "give it another name")
    return registry.check_writable(out.absolute(), local_media(workspace))


def _images(scenes: Iterable[Scene]) -> Iterator[PurePosixPath]:
    for scene in scenes:
        match scene.source:
            case Generated(first_frame=first, last_frame=last, references=references):
                yield from (image.path for image in (first, last, *references) if isinstance(image, LocalImage))
            case Still(image=LocalImage(path=path)):
                yield path


def _clip_named(timeline: Timeline, scene: str) -> Clip:
    known = [clip.scene for clip in timeline.clips]
    if scene and scene not in known:
        raise InputError(f"no scene of the film is called '{one_line(scene, 80)}'", did_you_mean(scene, known))
    return timeline.clips[known.index(scene) if scene else 0]


def _tile(scene: Scene, words: str, clip: Clip, fps: Fraction, found: "str | Image") -> "Tile":
    from storyboard.graphics.contact_sheet import Tile

    seconds = f"{float(Fraction(clip.frames, fps)):.2f}".rstrip("0").rstrip(".")
    time = f"{chapter_time(clip.at // fps)} · {seconds} s"
    if isinstance(found, str):
        return Tile(scene.id, time, words, None, found)
    return Tile(scene.id, time, words, found)


def _words(scenes: Iterable[Scene]) -> dict[str, str]:
    """What is written under each scene: its file, or what its prompt has that not all prompts have."""
    prompts: dict[str, str] = {}
    words: dict[str, str] = {}
    for scene in scenes:
        match scene.source:
            case Generated(prompt=prompt):
                prompts[scene.id] = prompt
            case OwnClip(path=path):
                words[scene.id] = str(path)
            case Still(image=image, color=color):
                words[scene.id] = str(image.path) if image else color
    return words | unshared_words(prompts)


def write_pages(sidecars: Sidecars, first: Path, pages: "Iterable[Image]") -> list[Path]:
    """Write the pages of a sheet, numbered from ``first`` on; remove those that an earlier sheet had beyond them.

    Raise LocalFault.
    """
    written = []
    for number, page in enumerate(pages, 1):
        written.append(_page(first, number))
        sidecars.put(written[-1], encode_image(page, "PNG"))
    number = len(written) + 1
    while sidecars.has(path := _page(first, number)):
        sidecars.put(path, b"")
        number += 1
    return written


def _page(first: Path, number: int) -> Path:
    return first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")
