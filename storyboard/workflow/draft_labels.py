"""Labels of drafts: where each scene lies in the film, and what its titles and captions will cover."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from storyboard.model.aspect_ratio import in_shape
from storyboard.model.draft_label import Band, DraftLabel
from storyboard.model.errors import Problems
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.storyboard import Generated, OwnClip, Scene, SceneFrame, Storyboard
from storyboard.model.take import Footage, Measure
from storyboard.parsing.project_files import Files
from storyboard.timeline.build import build_timeline
from storyboard.timeline.captions import burnt_caption
from storyboard.timeline.model import Clip, Cue, Timeline

# What captions cover: two lines, whatever they say, so that no other words make another draft.
_TWO_LINES = "\n".join(["Ég"] * 2)


def draft_labels(storyboard: Storyboard, files: Files, catalogue: Catalogue) -> Mapping[str, str]:
    """Return the label of each scene of a draft that is generated."""
    headings = scene_headings(storyboard)
    generated = [scene.id for scene in storyboard.scenes if isinstance(scene.source, Generated)]
    try:
        timeline = build_timeline(_silent(storyboard), _footage(storyboard, files, catalogue))
    except Problems:  # A local clip is shorter than its trim: the cut reports it.
        return {scene: headings[scene] for scene in generated}
    clips = {clip.scene: clip for clip in timeline.clips}
    starts = {scene.id: scene.trim.start for scene in storyboard.scenes}
    chained = {scene.id: _chained(scene) for scene in storyboard.scenes}
    return {
        scene: DraftLabel(
            headings[scene],
            Fraction(clips[scene].at) / timeline.fps - starts[scene],
            tuple(_covered(timeline, clips[scene])),
            chained[scene],
        ).text
        for scene in generated
    }


def _chained(scene: Scene) -> tuple[str, ...]:
    """Which of its given frames are taken from drafts of other scenes."""
    if not isinstance(scene.source, Generated):
        return ()
    frames = {"first": scene.source.first_frame, "last": scene.source.last_frame}
    return tuple(place for place, frame in frames.items() if isinstance(frame, SceneFrame))


def scene_headings(storyboard: Storyboard) -> Mapping[str, str]:
    """Return the number and the id of each scene, such as "3/8 lamp"."""
    last = max((scene.number for scene in storyboard.scenes), default=0)
    return {scene.id: f"{scene.number}/{last} {scene.id}" for scene in storyboard.scenes}


def expected_measure(source: Generated, catalogue: Catalogue) -> Measure:
    """Return what a take of a scene will be, as long as its model makes clips."""
    model = catalogue.model(source)
    size = in_shape(model.quality(source.resolution).size, source.aspect)
    frames = round(model.length(source.seconds) * model.rate)
    return Measure(frames, Fraction(model.rate), *size, sound=model.has_sound(source.sound))


def _footage(storyboard: Storyboard, files: Files, catalogue: Catalogue) -> Mapping[str, Footage]:
    """The clips of the film as they are, or as they will be once they are generated."""
    found = {}
    for scene in storyboard.scenes:
        match scene.source:
            case Generated() as source:
                found[scene.id] = Footage("0" * 64, expected_measure(source, catalogue))
            case OwnClip(path):
                found[scene.id] = Footage("0" * 64, files.clip(path))
    return found


def _silent(storyboard: Storyboard) -> Storyboard:
    """The storyboard without its sound files and burnt captions, which do not decide where a scene lies."""
    scenes = (
        replace(scene, finish=replace(scene.finish, audio=replace(scene.finish.audio, voice=None)))
        for scene in storyboard.scenes
    )
    return replace(storyboard, scenes=tuple(scenes), music=(), output=replace(storyboard.output, captions="sidecar"))


def _covered(timeline: Timeline, clip: Clip) -> Iterator[Band]:
    """What titles and captions cover of a clip. A player shows captions where they would be burnt."""
    size = timeline.width, timeline.height
    titles = (overlay.title for overlay in timeline.overlays if _meets(clip, overlay.first, overlay.frames))
    spoken = any(_meets(clip, cue.first, cue.frames) for cue in timeline.cues)
    captions = [burnt_caption(Cue(_TWO_LINES, 0, 1)).title] if spoken else []
    for title in (*titles, *captions):
        from storyboard.graphics.titles import rows

        top, bottom = rows(title, *size)
        yield Fraction(top, size[1]), Fraction(bottom, size[1])


def _meets(clip: Clip, first: int, frames: int) -> bool:
    return first < clip.until and first + frames > clip.at
