"""Preflight: blockers and warnings of a plan."""

import math
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from storyboard.config.credentials import service_endpoint
from storyboard.costs.budget import ways_out
from storyboard.film.audio.mix_plan import widest_difference
from storyboard.film.picture_plan import copyable
from storyboard.generation.uploads import (
    PublicFolder,
    destination_missing,
    fitted_destination_missing,
    frame_destination_missing,
)
from storyboard.model.aspect_ratio import CHOOSE_FIT
from storyboard.model.errors import LocalFault, Problems
from storyboard.model.film_length import length_document
from storyboard.model.problem import Place, Problem
from storyboard.model.seam import MATCHED_FRAMES, drops_frame
from storyboard.model.storyboard import Scene, Storyboard, Transition, Trim
from storyboard.model.take import Measure, Take
from storyboard.mp4.samples import VideoTrack
from storyboard.planning import saved
from storyboard.planning.ladder import Ladder, price_ladder
from storyboard.planning.steps import Collect, Make, Plan
from storyboard.timeline.shown_frames import is_empty
from storyboard.workflow.clip_remarks import clip_remarks
from storyboard.workflow.facts import over_budget, timed_scenes, upload_destination
from storyboard.workflow.footage import clip_of_take
from storyboard.workflow.frame_remarks import frame_remarks
from storyboard.workflow.model_ends import day_of, ending_models
from storyboard.workflow.owed_jobs import owed_jobs
from storyboard.workflow.render_options import takes_of
from storyboard.workflow.restyle_note import restyle_note
from storyboard.workflow.scene_remarks import scene_loudness, scene_remarks
from storyboard.workflow.seam_remarks import seam_remarks
from storyboard.workflow.shapes import misshapen_clips
from storyboard.workflow.vendor_change import vendor_note
from storyboard.workflow.workspace import Workspace

# Bytes that must be free before anything is paid for: for the ledger, and for each clip (reliability.md B7).
ROOM = 64_000_000
ROOM_PER_TAKE = 40_000_000


def document(workspace: Workspace, plan: Plan) -> dict[str, object]:
    """Return the plan as JSON, with its blockers and warnings."""
    problems = [*workspace.storyboard.warnings, *warnings(workspace, plan), *blockers(workspace, plan)]
    told = [problem.document() for problem in problems]
    leaving = () if isinstance(upload_destination(workspace), PublicFolder) else plan.images_to_upload
    owed = [job.document() for job in owed_jobs(workspace, plan)]
    shown, provider = workspace.shown, workspace.provider.name
    made = saved.plan_document(plan, shown, provider, workspace.prices, leaving, told, scene_remarks(workspace, plan))
    is_asked = workspace.realm.kind != "draft" and plan.count("make") > 0
    prices = {"ladder": ladder(workspace, plan).document(workspace.prices)} if is_asked else {}
    return {**made, **prices, "length": length_document(timed_scenes(workspace, plan)), "owed": owed}


def ladder(workspace: Workspace, plan: Plan) -> Ladder:
    """Return what the plan's takes cost by proofs, as they are, and in HD. Raise InputError."""
    return price_ladder(plan, workspace.prices, workspace.catalogue)


def check(workspace: Workspace, plan: Plan) -> None:
    """Check what must work before anything is paid: ffmpeg, key, upload destination, disk space.

    Raise Problems, InputError, RunRefused, LocalFault.
    """
    from storyboard.media import ffmpeg

    ffmpeg.version()
    if workspace.realm.kind == "draft":
        return
    if problems := (*_ended(workspace, plan), *_homeless(workspace, plan)):
        raise Problems(problems)
    for name in sorted(providers_asked(plan)) or [workspace.settings.provider]:
        upload_destination(workspace, name)
        service_endpoint(workspace.settings.for_provider(name))
    free, wanted = shutil.disk_usage(workspace.realm.root).free, ROOM + ROOM_PER_TAKE * plan.count("make")
    if free < wanted:
        message = f"{workspace.realm.root} has {free / 1e6:.0f} MB free, and this render may need {wanted / 1e6:.0f} MB"
        raise LocalFault(message, "free some space, or move the store elsewhere: STORYBOARD_HOME")


def providers_asked(plan: Plan) -> frozenset[str]:
    """Return the providers that the plan asks for something, also once they are refused."""
    steps = [step for step in plan.steps if isinstance(step, Make | Collect)]
    return frozenset(
        (*(step.shot.provider for step in steps), *(each.shot.provider for step in steps for each in step.tries))
    )


def blockers(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Return what prevents the plan: models that have ended, images without an upload destination, and the budget."""
    whole, found = Place(workspace.shown, 1, 1), over_budget(workspace, plan)
    spent = (
        Problem(whole, over.limit.name, f"over budget: {workspace.settings.budget.describe(over)}", ways_out((over,)))
        for over in found
    )
    return (*_ended(workspace, plan), *_homeless(workspace, plan), *spent)


def warnings(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Return warnings: home, models, clips, characters, takes re-encoded nearly whole, loudness, shapes, cuts."""
    return (
        *_narrowed(workspace),
        *(problem for problem in _ends(workspace, plan) if problem.severity == "warning"),
        *clip_remarks(workspace.storyboard, workspace.source_files),
        *missing_glyphs(workspace.storyboard),
        *_mostly_encoded(workspace, plan),
        *_uneven(workspace, plan),
        *_misshapen(workspace, plan),
        *_without_frames(workspace, plan),
        *restyle_note(workspace, plan),
        *vendor_note(workspace, plan),
        *frame_remarks(workspace, plan),
        *seam_remarks(workspace, takes_of(plan), measured=True),
    )


def _ends(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """What is said of models that end, of scenes that are still to be made."""
    made = {step.scene for step in plan.steps if isinstance(step, Make)}
    scenes = tuple(scene for scene in workspace.storyboard.scenes if scene.id in made)
    if workspace.realm.kind == "draft" or not scenes:
        return ()
    return ending_models(replace(workspace.storyboard, scenes=scenes), workspace.catalogue, day_of(time.time()))


def _ended(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Models that have ended, of scenes that are still to be made."""
    return tuple(problem for problem in _ends(workspace, plan) if problem.severity == "error")


def _narrowed(workspace: Workspace) -> tuple[Problem, ...]:
    """A warning if other users of the machine could read the takes until now."""
    if not (said := workspace.realm.narrowed):
        return ()
    hint = "if others shall use it, give each a STORYBOARD_HOME of their own"
    return (Problem(Place(workspace.shown, 1, 1), "", said, hint, "warning"),)


def _misshapen(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Warnings of clips that came in a shape that nobody could foretell, such as those of `aspect: auto`."""
    places = {scene.id: scene.place for scene in workspace.storyboard.scenes}
    return tuple(
        Problem(places[scene], "output.fit", f"scene '{scene}': {what}", CHOOSE_FIT, "warning")
        for scene, what in misshapen_clips(workspace.storyboard, takes_of(plan))
    )


def _without_frames(workspace: Workspace, plan: Plan) -> Iterator[Problem]:
    """Warnings of trims that leave no frame, by the frame rate of the take, or of what will come as far as is known."""
    takes, output = takes_of(plan), workspace.storyboard.output
    for scene in workspace.storyboard.scenes:
        rate = output.fps or 1 / scene.frame_seconds
        coming = Measure(math.ceil((scene.clip_seconds or 0) * rate) or 1, rate, 1, 1, sound=False)
        if is_empty(takes[scene.id].measure if scene.id in takes else coming, scene.trim):
            message = f"the trim leaves no frame of scene '{scene.id}'"
            place = f"scenes[{scene.number - 1}].trim"
            yield Problem(scene.place, place, message, "make it longer", severity="warning")


def missing_glyphs(storyboard: Storyboard) -> tuple[Problem, ...]:
    """Return a warning for each scene whose titles or burnt captions have characters that the font lacks."""
    found = []
    for scene in storyboard.scenes:
        words = [title.text for title in scene.finish.titles]
        if storyboard.output.captions != "sidecar":
            words += [caption.text for caption in scene.finish.captions]
        text = " ".join(words)
        if text.isascii():
            continue
        from storyboard.graphics.fonts import missing_characters_sentence

        if sentence := missing_characters_sentence(text, "the font of titles and captions"):
            path = f"scenes[{scene.number - 1}]"
            found.append(Problem(scene.place, path, f"scene '{scene.id}': {sentence}", "", severity="warning"))
    return tuple(found)


def _homeless(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Images and frames of scenes that are needed, and that no place is configured for: before anything is paid."""
    return tuple(problem for name in sorted(providers_asked(plan)) for problem in _homeless_at(workspace, plan, name))


def _homeless_at(workspace: Workspace, plan: Plan, provider: str) -> tuple[Problem, ...]:
    plan = _of_addresses(workspace, plan, provider)
    if not plan.images_to_upload and not plan.frames_to_upload:
        return ()
    destination = upload_destination(workspace, provider)
    images = [destination_missing(image) for image in plan.images_to_upload if not destination]
    if isinstance(destination, PublicFolder):
        images = [fitted_destination_missing(image) for image in plan.images_to_upload if image.fit]
    frames = (frame_destination_missing(frame, destination) for frame in plan.frames_to_upload)
    return tuple(_quoting(problem) for problem in (*images, *frames) if problem)


def _of_addresses(workspace: Workspace, plan: Plan, provider: str) -> Plan:
    """The plan of one provider, without the shots of models that take bytes, or the provider's own names of images."""
    model, steps = workspace.catalogue.model, (step for step in plan.steps if step.shot.provider == provider)
    return replace(plan, steps=tuple(step for step in steps if model(step.shot).images == "address"))


def _mostly_encoded(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Transitions and trims that re-encode most of a take, because it has few key frames."""
    from storyboard.mp4 import reader

    found = []
    takes = takes_of(plan)
    scenes = workspace.storyboard.scenes
    for at, scene in enumerate(scenes):
        take, coming = takes.get(scene.id), scene.finish.transition
        joined = coming if at and coming and coming.over == "both" else None
        matched = at and scene.finish.seam == "match" and drops_frame(scenes[at - 1], scene)
        if not take or not (joined or matched or scene.trim != Trim()):
            continue
        try:
            frames = reader.read(workspace.realm.store.path(take.digest)).frames
        except LocalFault:  # the cut tells of it, once it comes to that
            continue
        if isinstance(frames, VideoTrack):
            problem = _encoded_by_transition(scene, joined, frames) if joined else None
            problem = problem or (_encoded_by_seam(scene, frames) if matched else None)
            problem = problem or _encoded_by_trim(workspace, scene, take, frames)
            found += [problem] if problem else []
    return tuple(found)


def _encoded_by_transition(scene: Scene, joined: Transition, frames: VideoTrack) -> Problem | None:
    behind = scene.trim.start + joined.seconds
    hint = "with 'over: tail' only its seconds are"
    return _encoded_whole(scene, "transition", "transition", round(behind * frames.fps), frames, hint)


def _encoded_by_seam(scene: Scene, frames: VideoTrack) -> Problem | None:
    hint = f"without 'match' it is copied; with it, {MATCHED_FRAMES} frames change"
    return _encoded_whole(scene, "seam", "matched seam", MATCHED_FRAMES, frames, hint)


def _encoded_whole(scene: Scene, key: str, what: str, behind: int, frames: VideoTrack, hint: str) -> Problem | None:
    """A note if no key frame lies at frame ``behind`` of a clip or later, from which on it could be copied."""
    if max(frames.starts) >= behind:
        return None
    message = f"all of scene '{scene.id}' is re-encoded for its {what}: its clip has no later key frame"
    return Problem(scene.place, f"scenes[{scene.number - 1}].{key}", message, hint, severity="warning")


def _encoded_by_trim(workspace: Workspace, scene: Scene, take: Take, frames: VideoTrack) -> Problem | None:
    """A note if a trim re-encodes at least half of what is seen: copying can begin at a key frame only."""
    clip, output = clip_of_take(workspace, scene.id, take), workspace.storyboard.output
    size = (frames.look.width, frames.look.height)
    if not clip or output.size not in (None, size) or output.fps not in (None, frames.fps):
        return None
    first, last = round(clip.start * frames.fps), round(clip.end * frames.fps)
    begin, end = copyable(frames, first, last)
    encoded = last - first - max(0, end - begin)
    if 2 * encoded < last - first:
        return None
    keys = f"its clip has {len(frames.starts)} key frame{'s' if len(frames.starts) > 1 else ''}"
    message = f"{encoded} of the {last - first} frames of scene '{scene.id}' are re-encoded for its trim: {keys}"
    place = f"scenes[{scene.number - 1}].trim"
    return Problem(scene.place, place, message, "untrimmed scenes are copied", severity="warning")


def _uneven(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """A warning if measured takes differ widely in loudness and no loudness is set."""
    if workspace.storyboard.output.loudness is not None:
        return ()
    if not (found := widest_difference(scene_loudness(workspace, plan))):
        return ()
    soft, loud, between = found
    message = f"scene '{loud}' is {between:.0f} LU louder than scene '{soft}'"
    hint = "write `loudness: -16` under `output` to even them out, or a `gain` under their `audio`"
    return (Problem(Place(workspace.shown, 1, 1), "output.loudness", message, hint, "warning"),)


def _quoting(problem: Problem) -> Problem:
    """The problem with its source line, as parsing gives it to its own."""
    try:
        source = Path(problem.place.file).read_text("utf-8").splitlines()[problem.place.line - 1]
    except (OSError, UnicodeDecodeError, IndexError):
        return problem
    word = re.match(r"[^\s,}\]]*", source[problem.place.column - 1 :])
    return replace(problem, source=source, width=len(word[0]) if word else 1)
