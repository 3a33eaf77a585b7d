"""The whole story on one page: claim, read, plan, ask, run, pin the takes, cut. Read this first."""

import hashlib
import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard import __version__, events
from storyboard.beside import Beside
from storyboard.config import Settings
from storyboard.cut import NO_SLATES, Clip, Cut, Slate
from storyboard.desk import Desk, at_work, desk
from storyboard.disk import scratch, sweep, sweep_claims
from storyboard.ending import done
from storyboard.errors import (
    InputError,
    LocalFault,
    SceneFailed,
    StoryboardError,
    SubmissionUnknown,
    given_up,
    undecided,
)
from storyboard.film import Film, Films
from storyboard.mix import NOT_MEASURED, Loudness
from storyboard.notes import Notes, chapters, listed
from storyboard.partial import Tolerant, beside, slates
from storyboard.plain import show
from storyboard.plan import Blocked, Keep, Plan, moved
from storyboard.project import Project
from storyboard.splice import rendered
from storyboard.splice import splice as laid_out
from storyboard.story import Still
from storyboard.subtitles import srt, vtt
from storyboard.take import Outcome, Take

if TYPE_CHECKING:
    from storyboard.media.join import Film as Written

Report = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What the author asked for. ``only`` names the scenes to make (all if empty); ``out`` is where the film goes.

    ``promised`` is a saved plan, which must still hold; ``flags`` are those to type again if something is left to do.
    ``agree`` is shown the plan before anything is paid, and raises where it may not be carried out. ``reencode`` is
    whether every frame of the film is encoded anew, rather than copied where that can be; ``chapters``
    is whether a list of them is put beside it.
    """

    file: Path
    agree: Callable[[Desk, Plan], None]
    report: Report
    draft: bool = False
    only: tuple[str, ...] = ()
    at_once: int = 8
    given: Mapping[str, str] | None = None
    promised: Mapping[str, object] | None = None
    out: Path | None = None
    cut: bool = True
    reencode: bool = False
    chapters: bool = False
    flags: str = ""


def render(order: Order, settings: Settings) -> events.Done:
    """Make the film; how it ended. Expected failures of scenes are in the answer, others are raised."""
    with (
        at_work(order.file),
        desk(order.file, settings, draft=order.draft, given=order.given) as at,
    ):
        at.keep_schema()
        sweep(at.lock_file)
        sweep_claims(at.runs)
        whole = at.plan()
        kept_promise(order, at, whole)
        plan = chosen(at, whole, order.only)
        at.afford(plan)
        path = place(at, order) if order.cut else None
        spent = at.spent()
        for problem in at.storyboard.warnings:
            order.report(events.Warned("", f"{problem.place}: {problem.message}"))
        for entry in at.forgotten(whole):
            why = "the answer to an earlier submission was lost, as status says; it may have been paid for"
            order.report(events.Warned(entry.scene, why))
        order.report(_planned(at, plan))
        order.agree(at, plan)
        outcomes, stopped = carry_out(at, plan, order)
        takes = {scene: outcome for scene, outcome in outcomes.items() if isinstance(outcome, Take)}
        at.save_lock(takes)
        whole_film = path and not stopped and all(scene in takes for scene in at.wanted)
        film = assemble(at, takes, path, order) if path and whole_film else None
        return done(at, plan, outcomes, stopped, (path, film), at.spent() - spent, order.flags)


def cut_only(order: Order, settings: Settings) -> events.Done:
    """The film from takes that are there. Raises SceneFailed naming the scenes that have none."""
    with (
        at_work(order.file),
        desk(order.file, settings, draft=order.draft, given=order.given) as at,
    ):
        plan = at.plan()
        takes = _kept(plan)
        if lacking := [scene for scene in at.wanted if scene not in takes]:
            typed = f"storyboard render {shlex.quote(at.shown)}{order.flags}"
            todo = f"make {'it' if len(lacking) == 1 else 'them'} with: {typed}"
            raise SceneFailed(f"no take yet: {', '.join(lacking)}", todo)
        path = place(at, order)
        return done(at, plan, takes, None, (path, assemble(at, takes, path, order)), Fraction(0), order.flags)


def cut_partial(order: Order, settings: Settings) -> events.Done:
    """The film from what is there, with slates for what is not: then beside the whole film, and its exit is 3."""
    files = Tolerant(Project(order.file.parent))
    with (
        at_work(order.file),
        desk(order.file, settings, draft=order.draft, given=order.given, files=files) as at,
    ):
        plan = at.plan()
        damaged = {scene: str(error) for scene, error in set_aside(at, _kept(plan)).items()}
        takes = {scene: take for scene, take in _kept(plan).items() if scene not in damaged}
        missing = slates(at, plan, takes, files.troubles, damaged)
        path = place(at, order, partial=bool(missing))
        made = assemble(at, takes, path, order, missing)
        ended = done(at, plan, takes, None, (path, made), Fraction(0), order.flags)
        if not missing:
            return ended
        notes = [f"{'slate':<8} {scene}: {show(slate.why, 300)}" for scene, slate in missing.items()]
        return replace(ended, exit=SceneFailed.exit, notes=tuple(notes))


def _kept(plan: Plan) -> dict[str, Take]:
    return {step.scene: step.take for step in plan.steps if isinstance(step, Keep)}


def place(at: Desk, order: Order, *, partial: bool = False) -> Path:
    """Where the film goes, known to be writable before anything is paid for. Raises InputError."""
    films = Films(at.folder)
    wanted = Path(at.storyboard.output.file)
    path = films.outside(order.out) if order.out else films.place(wanted, at.kind)
    path = beside(path) if partial else path
    films.writable(path, at.own_clips())
    sweep(path)
    return path


def kept_promise(order: Order, at: Desk, plan: Plan) -> None:
    """Raises InputError, with all that has moved, where a saved plan does not hold any more."""
    if order.promised is None:
        return
    differences = moved(order.promised, at.document(plan))
    if differences:
        what = "\n  ".join(differences)
        raise InputError(
            f"the saved plan does not hold any more:\n  {what}", "make a new one with `storyboard plan -o`"
        )


def chosen(at: Desk, whole: Plan, only: tuple[str, ...]) -> Plan:
    """The part of a plan that is asked for: everything that is there already, and of the rest ``only`` these scenes."""
    if not only:
        return whole
    names = {scene.id for scene in at.storyboard.scenes}
    for scene in only:
        if scene not in names:
            raise InputError(f"there is no scene {scene!r}", f"scenes: {', '.join(sorted(names))}")
    needed = {*only, *(name for step in whole.steps if step.scene in only for name in step.after)}
    return Plan(tuple(step for step in whole.steps if step.scene in needed or isinstance(step, Keep)))


def carry_out(at: Desk, plan: Plan, order: Order) -> tuple[Mapping[str, Outcome], StoryboardError | None]:
    """Make and collect what the plan says; what became of each scene, and what stopped the run, if anything did."""
    outcomes: dict[str, Outcome] = {step.scene: step.take for step in plan.steps if isinstance(step, Keep)}
    for step in plan.steps:
        if isinstance(step, Blocked):
            outcomes[step.scene] = error = given_up(step.why) if step.decided else undecided(step.why)
            kind = events.Unknown if isinstance(error, SubmissionUnknown) else _failed
            order.report(kind(step.scene, step.shot.take, error.message, error.hint))
    if len(outcomes) == len(plan.steps):
        return outcomes, None
    from storyboard.session import session

    made, stopped = session(at, plan, order.at_once, order.report)
    return {**outcomes, **made}, stopped


def _failed(scene: str, take: int, why: str, hint: str) -> events.Failed:
    return events.Failed(scene, take, None, why, hint)


def assemble(
    at: Desk, takes: Mapping[str, Take], path: Path, order: Order, missing: Mapping[str, Slate] = NO_SLATES
) -> Film:
    """Cut the film, or find that the one that lies there is the same; and put beside it what belongs there.

    Every scene has its take by now, or a slate.
    """
    films = Films(at.folder)
    cut, paths = at.cut(takes, missing)
    said = notes(at, cut)
    identity = hashlib.sha256(repr((cut.identity, order.reencode, said)).encode()).hexdigest()
    if there := films.same(path, identity):
        put_beside(at, cut, path, order)
        return there
    undamaged(at, takes)
    order.report(events.Cutting(0, cut.frames))
    segments = scratch(at.folder, "segments", f"{at.storyboard.name}.draft" if at.draft else at.storyboard.name)
    if any(clip.drawn for clip in cut.clips):
        from storyboard.media import drawing

        paths = drawing.drawn(
            cut, paths, at.picture, segments, lambda done: order.report(events.Cutting(done, cut.frames))
        )

    def known(written: "Written") -> Film:
        return Film(
            identity=identity,
            sha256=written.sha256,
            bytes=written.bytes,
            frames=written.frames,
            fps=cut.fps,
            width=cut.width,
            height=cut.height,
            kind=at.kind,
            modified=written.path.stat().st_mtime_ns,
        )

    def landing(written: "Written") -> None:
        # Killed between here and the end, the next render must know the film for its own.
        films.remember(path, known(written), written.path)

    film = known(write(cut, said, paths, path, segments, order, landing, measured(at, cut, paths)))
    films.remember(path, film)
    put_beside(at, cut, path, order)
    return film


def undamaged(at: Desk, takes: Mapping[str, Take]) -> None:
    """Raises LocalFault where the bytes of a take are not those any more that were bought; it is moved aside."""
    for error in set_aside(at, takes).values():
        raise error


def set_aside(at: Desk, takes: Mapping[str, Take]) -> Mapping[str, LocalFault]:
    """The scenes whose takes have other bytes than were bought, each moved aside, and what to say of it."""
    wanted = {scene: take for scene, take in takes.items() if scene in at.wanted}
    with ThreadPoolExecutor(2) as pool:
        intact = list(pool.map(lambda take: at.store.intact(take.digest), wanted.values()))
    found = {}
    for (scene, take), good in zip(wanted.items(), intact, strict=True):
        if not good:
            aside = at.store.set_aside(at.store.path(take.digest))
            message = f"scene {scene}: its take was damaged on this disk, and lies in {aside} now"
            found[scene] = LocalFault(message, "run again: it is fetched again, and not paid for again")
    return found


def measured(at: Desk, cut: Cut, paths: Mapping[str, Path]) -> Mapping[Clip, Loudness]:
    """How loud the clips are, where anything depends on it. Raises LocalFault, BadMedia."""
    if cut.loudness is None and not any(under.duck for under in cut.underlays):
        return NOT_MEASURED
    return at.loudness.all(
        [clip for clip in cut.clips if not clip.level.mute and not isinstance(clip.drawn, Still | Slate)], paths
    )


def notes(at: Desk, cut: Cut) -> Notes:
    """What the film says of itself."""
    lock = hashlib.sha256(at.lock_file.read_bytes()).hexdigest() if at.lock_file.is_file() else ""
    return Notes(at.storyboard.title, f"storyboard {__version__}", lock, chapters(cut))


def put_beside(at: Desk, cut: Cut, film: Path, order: Order) -> None:
    """Captions beside the film, and its chapters where somebody asks for them or has them there. Raises LocalFault."""
    folder, apart = Beside(at.folder), at.storyboard.output.captions != "burn"
    folder.put(film.with_suffix(".srt"), srt(cut).encode() if apart else b"")
    folder.put(film.with_suffix(".vtt"), vtt(cut).encode() if apart else b"")
    listing = film.with_suffix(".chapters.txt")
    if order.chapters or folder.has(listing):
        folder.put(listing, listed(cut).encode())


def write(
    cut: Cut,
    said: Notes,
    paths: Mapping[str, Path],
    path: Path,
    segments: Path,
    order: Order,
    landing: "Callable[[Written], None]",
    loud: Mapping[Clip, Loudness],
) -> "Written":
    """Copy the film together where that can be, else encode it. Raises LocalFault, BadMedia."""
    from storyboard.media import join, splice

    def far(frames: int) -> None:
        order.report(events.Cutting(frames, cut.frames))

    warn_of_letters(cut, order)
    composed = cut.overlays or any(clip.joint or clip.lead for clip in cut.clips)
    if order.reencode and not composed:
        return join.join(cut, paths, path, segments, far, landing, loud, said)
    indexes = splice.indexes({clip.digest: paths[clip.digest] for clip in cut.clips})
    spliced = rendered(cut, indexes, loud) if order.reencode else laid_out(cut, indexes, loud)
    if isinstance(spliced, str):
        order.report(events.Warned("", f"the film is encoded anew: {spliced}"))
        if not composed:
            return join.join(cut, paths, path, segments, far, landing, loud, said)
        spliced = rendered(cut, indexes, loud)
    return splice.splice(spliced, indexes, paths, path, segments, far, landing, said)


def warn_of_letters(cut: Cut, order: Order) -> None:
    """Report the characters of titles and burnt captions that the font lacks."""
    if cut.overlays:
        from storyboard.media.type import lacking_sentence

        texts = " ".join(overlay.title.text for overlay in cut.overlays)
        if sentence := lacking_sentence(texts, "the font of titles and captions"):
            order.report(events.Warned("", sentence))


def _planned(at: Desk, plan: Plan) -> events.Planned:
    counts = (plan.count("make"), plan.count("collect"), plan.count("keep"), plan.count("blocked"))
    return events.Planned(*counts, plan.credits, at.prices.money(plan.credits), at.prices.currency)
