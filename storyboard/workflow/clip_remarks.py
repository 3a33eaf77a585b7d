"""What is made of local clips that are not plain: interlaced, with several tracks, or with tracks that say nothing."""

from collections.abc import Iterator

from storyboard.model.errors import StoryboardError
from storyboard.model.problem import Problem
from storyboard.model.storyboard import OwnClip, Scene, Storyboard
from storyboard.workflow.source_files import Project


def clip_remarks(storyboard: Storyboard, files: Project) -> tuple[Problem, ...]:
    """Return a warning for whatever is not shown or heard of the local clips, or is changed before it is shown.

    Clips that cannot be read are left out: others report them.
    """
    return tuple(remark for scene in storyboard.scenes for remark in _of_scene(scene, files))


def _of_scene(scene: Scene, files: Project) -> Iterator[Problem]:
    if not isinstance(scene.source, OwnClip):
        return
    from storyboard.media import probe

    try:
        found = probe.notes(files.file(scene.source.path))
    except StoryboardError:
        return
    place = f"scenes[{scene.number - 1}].file"
    for sentence in found.sentences:
        yield Problem(scene.source.place, place, f"scene '{scene.id}': {sentence}", severity="warning")
    said = None if scene.finish.audio.mute else _of_tracks(scene.finish.audio.track, found.tracks, found.main)
    if said:
        message, hint = said
        yield Problem(scene.source.place, place, f"scene '{scene.id}': {message}", hint, severity="warning")


def _of_tracks(chosen: int, tracks: int, main: int) -> tuple[str, str] | None:
    """A sentence and a hint about which of several sound tracks is heard; None where there is nothing to say."""
    if chosen > tracks:
        return f"its clip has {tracks} sound tracks, and no track {chosen}: it is silent", "correct `audio.track`"
    if chosen or tracks < 2:
        return None
    hint = f"choose another with `audio: {{track: {1 if main > 1 else 2}}}`, or confirm this with `track: {main}`"
    return f"its clip has {tracks} sound tracks; track {main} is heard", hint
