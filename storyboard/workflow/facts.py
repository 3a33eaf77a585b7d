"""What is known of a workspace now: its plan, what was spent, lost submissions, and where images are uploaded to."""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from storyboard.costs.budget import Over, Span
from storyboard.generation.uploads import PublicFolder, UploadDestination, destination_for, takes_own_uploads
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError, SceneFailed
from storyboard.model.lock import Lock
from storyboard.model.model_catalogue import ModelName
from storyboard.model.scene_shots import SceneShots
from storyboard.model.shot import Recipe, Shot
from storyboard.model.storyboard import Generated, Scene
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.take import Take, TakeId
from storyboard.planning.fallbacks import fallback_shots
from storyboard.planning.plan import make_plan
from storyboard.planning.steps import Collect, Facts, Keep, Make, Plan, Step, highest_cost
from storyboard.providers.base import ImageUploader, JobFinder
from storyboard.state.realm import Realm
from storyboard.workflow.other_realms import bring_in_takes
from storyboard.workflow.workspace import Workspace


class Agreed(NamedTuple):
    """Scenes that the user agrees to buy again, although a take was bought, or to submit again, although refused."""

    rebuy: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()


NOTHING_AGREED = Agreed()


def read_facts(workspace: Workspace, agreed: Agreed = NOTHING_AGREED) -> Facts:
    """Read the lock file, the ledger and the store. Raise InputError if the lock is damaged, LocalFault.

    Takes that lie in the store's trash and are needed again are brought back; the ledger is told what the lock pins.
    """
    realm, ledger, pinned = workspace.realm, workspace.realm.ledger, workspace.lockfile.read()
    bring_in_takes(workspace)
    lock = workspace.without_finals(pinned)
    keys = {key for shots in workspace.wanted.values() for key in shots.keys.values()}
    others = {shot.own_key for some in _fallbacks(workspace).values() for shot in some}
    submissions = {key: each for key in keys if (each := workspace.submission(key))}
    takes = {key: ledger.takes.of_key(key) for key in keys}
    known = [take for some in (*takes.values(), *map(lock.takes, keys)) for take in some.values()]
    realm.recover({take.digest for take in known if not realm.store.holds(take.digest, take.bytes)})
    workspace.lockfile.record_pins(pinned, ledger, time.time())
    return Facts(
        lock,
        submissions,
        takes,
        frozenset(take.digest for take in known if realm.store.holds(take.digest, take.bytes)),
        _last_recipes(workspace, lock),
        frozenset(each.run for each in submissions.values() if workspace.realm_of(each).is_running(each.run)),
        {digest: rfc3339(since)[:10] for digest, since in ledger.pins.removals().items()},
        frozenset(each.nonce for each in submissions.values() if _is_named(workspace, each)),
        {key: _refusals(workspace, key) for key in keys | others},
        frozenset(agreed.rebuy),
        frozenset(agreed.retry),
        realm.kind,
        frozenset(key for key, each in submissions.items() if isinstance(workspace.provider_of(each), JobFinder)),
    )


def _is_named(workspace: Workspace, submission: Submission) -> bool:
    """Whether a callback has named the job of a submission."""
    return bool(workspace.realm_of(submission).ledger.inbox.jobs_named_by_callbacks(submission.nonce))


def _fallbacks(workspace: Workspace) -> Mapping[TakeId, tuple[Shot, ...]]:
    """What is tried for each take, if it is refused: its own shot, and the fallbacks; none for what was accepted."""
    sources = {scene.id: scene.source for scene in workspace.storyboard.scenes}
    return {
        TakeId(scene, take.take): (take, *(other.shot for other in fallback_shots(source, take)))
        for scene, shots in workspace.wanted.items()
        if isinstance(source := sources[scene], Generated) and source.if_refused
        for take in shots.takes
        if take.kept_key is None or take.take in shots.fallbacks
    }


def _refusals(workspace: Workspace, key: str) -> int:
    """How often the shot was refused for its content: as a submission, or as a job that was accepted first."""
    closed = [each for realm in workspace.all_realms for each in realm.ledger.submissions.ended_without_clip(key)]
    return sum(_blames_content(workspace, each) for each in closed if each.why and not each.is_waived)


def _blames_content(workspace: Workspace, closed: Submission) -> bool:
    blames = workspace.provider_of(closed).answers.texts.blames_content
    return blames(SceneFailed(closed.why, code=closed.code))


def _last_recipes(workspace: Workspace, lock: Lock) -> Mapping[TakeId, Recipe]:
    """What each take was last generated from: what the lock pins counts most."""
    pinned = {
        TakeId(scene, number): key for scene, entry in lock.scenes.items() for number, key in entry.all_keys.items()
    }
    recipes: dict[str, Recipe] = {}
    recorded: dict[TakeId, Recipe] = {}
    for realm in workspace.all_realms:
        recipes |= realm.ledger.submissions.recipes(pinned.values())
        recorded |= realm.ledger.submissions.last_recipes(workspace.storyboard_id)
    # A take of a scene's own says nothing of why there is another proof of it.
    last = {take: recipe for take, recipe in recorded.items() if take.scene not in workspace.proofs}
    return {**last, **{take: recipes[key] for take, key in pinned.items() if key in recipes}}


def current_plan(workspace: Workspace, agreed: Agreed = NOTHING_AGREED) -> Plan:
    """Return what has to be done about each take of each scene now. Raise as ``read_facts`` does, and InputError."""
    facts = read_facts(workspace, agreed)
    check_scene_names(workspace, (*agreed.rebuy, *agreed.retry))
    plan = make_plan(workspace.storyboard, workspace.wanted, facts, workspace.prices, workspace.catalogue)
    return Plan(tuple(_proof_step(workspace, step) for step in plan.steps)) if workspace.proof_model else plan


def _proof_step(workspace: Workspace, step: Step) -> Step:
    """The step as a plan of proofs says it: it is about a proof, or a scene needs none."""
    if step.scene in workspace.proofs:
        return replace(step, why=f"proof: {step.why}")
    return replace(step, why="has its own take") if isinstance(step, Keep) else step


def check_scene_names(workspace: Workspace, names: Collection[str]) -> None:
    """Raise InputError if the storyboard has no scene of one of these names."""
    known = {scene.id for scene in workspace.storyboard.scenes}
    for scene in names:
        if scene not in known:
            raise InputError(f"there is no scene {scene!r}", f"scenes: {', '.join(sorted(known))}")


def timed_scenes(workspace: Workspace, plan: Plan) -> tuple[Scene, ...]:
    """Return the scenes with the lengths of their clips: as measured where a take is kept, else as the model says."""
    known = {scene: step.take.measure for scene, step in plan.film_steps.items() if isinstance(step, Keep)}
    return tuple(
        replace(scene, clip_seconds=known[scene.id].seconds, frame_seconds=1 / known[scene.id].fps)
        if scene.id in known
        else scene
        for scene in workspace.storyboard.scenes
    )


def former_prompts(workspace: Workspace) -> Mapping[str, str]:
    """Return the prompt that each scene was last generated from. Raise InputError, LocalFault."""
    return {scene: str(recipe["prompt"]) for scene, recipe in former_recipes(workspace).items() if "prompt" in recipe}


def former_recipes(workspace: Workspace) -> Mapping[str, Recipe]:
    """Return the recipe that each scene was last generated from. Raise InputError, LocalFault."""
    recipes = _last_recipes(workspace, workspace.without_finals(workspace.lockfile.read()))
    used = {scene: recipes.get(TakeId(scene, shots.used)) for scene, shots in workspace.wanted.items()}
    return {scene: recipe for scene, recipe in used.items() if recipe}


def over_budget(workspace: Workspace, plan: Plan) -> tuple[Over, ...]:
    """Return the limits of the budget that the plan would exceed, counting what is spent by now."""
    of: Mapping[Span, str] = {"storyboard": workspace.storyboard_id, "month": rfc3339(time.time())[:7]}
    found: list[Over] = []
    for realm in workspace.all_realms:
        cost = Cost.total(highest_cost(step) for step in plan.steps if workspace.realm_of(step.shot) is realm)
        # A run has one limit, in whichever realm its takes are bought.
        known = {span: realm.ledger.charges.total(span, name) for span, name in of.items()}
        spent: Mapping[Span, Cost] = {**known, "run": plan.at_most - cost}
        found += workspace.settings.budget.over(cost, spent.__getitem__)
    return tuple(found)


def check_budget(workspace: Workspace, plan: Plan) -> None:
    """Raise OverBudget, with the numbers, if the plan would exceed the budget."""
    if found := over_budget(workspace, plan):
        raise workspace.settings.budget.refusal(found)


def cost_so_far(workspace: Workspace) -> Cost:
    """Return what this storyboard has cost so far, as the ledger has it; drafts cost nothing."""
    if workspace.realm.kind == "draft":
        return Cost()
    totals = (realm.ledger.charges.total for realm in workspace.all_realms)
    return Cost.total(total("storyboard", workspace.storyboard_id) for total in totals)


def job_seconds(workspace: Workspace, plan: Plan) -> float | None:
    """Return how long a job of the plan takes on average, by past jobs of its models in this realm; None if unknown."""
    shots = [step.shot for step in plan.steps if isinstance(step, Make | Collect)]
    models = Counter(ModelName(shot.provider, shot.model) for shot in shots)
    known = {
        name: seconds
        for name in models
        if (seconds := workspace.realm_of(name).ledger.takes.job_seconds(name.model, name.provider))
    }
    jobs = sum(models[model] for model in known)
    return sum(models[model] * seconds for model, seconds in known.items()) / jobs if jobs else None


def generation_seconds(workspace: Workspace, plan: Plan, at_once: int) -> float | None:
    """Return how long the generation of a plan takes, ``at_once`` jobs at a time, by past jobs; None if unknown."""
    jobs, seconds = plan.count("make") + plan.count("collect"), job_seconds(workspace, plan)
    return seconds and seconds * max(1.0, jobs / at_once)


def orphaned_submissions(workspace: Workspace, plan: Plan) -> list[Submission]:
    """Return the submissions of this file whose answers were lost, and whose shots no scene needs any more."""
    needed = {step.shot.key for step in plan.steps}

    def is_lost(realm: Realm, submission: Submission) -> bool:
        dead = submission.state == "intent" and not realm.is_running(submission.run)
        return submission.state == "unknown" or dead

    return [
        submission
        for realm in workspace.all_realms
        for submission in realm.ledger.submissions.all(workspace.storyboard_id)
        if submission.key not in needed and is_lost(realm, submission)
    ]


def pin_takes(workspace: Workspace, takes: Mapping[TakeId, Take]) -> bool:
    """Pin the takes of scenes in the lock file; False if it says so already. Raise InputError, LocalFault.

    A take that is not in ``takes`` keeps its pins.
    """
    skipped, catalogue = workspace.storyboard.skipped, workspace.catalogue
    ledger, now = workspace.realm.ledger, time.time()
    wanted = _fallen_back(workspace, takes)
    return workspace.lockfile.save(takes, wanted, skipped, ledger, catalogue, now, workspace.proofs)


def _fallen_back(workspace: Workspace, takes: Mapping[TakeId, Take]) -> Mapping[str, SceneShots]:
    """The shots of all scenes, once a run is over: where the take of a fallback came in it, that stands."""
    wanted, of_key = dict(workspace.wanted), workspace.realm.ledger.takes.of_key
    for take, (_, *others) in _fallbacks(workspace).items():
        digest = takes[take].digest if take in takes else ""
        key = next(
            (other.key for other in others if digest in {each.digest for each in of_key(other.key).values()}), ""
        )
        if key:
            wanted[take.scene] = wanted[take.scene].with_fallback(take.number, key)
    return wanted


def upload_destination(workspace: Workspace, provider: str = "") -> UploadDestination | None:
    """Return where local images are uploaded to for a provider, by default the usual one; None for nowhere.

    Raise InputError, LocalFault.
    """
    settings, asked = workspace.settings.for_provider(provider), workspace.provider_named(provider)
    value = "provider" if takes_own_uploads(asked) else settings.uploads
    if value == "provider" and not isinstance(asked, ImageUploader):
        value = None  # The setting means the usual provider's uploads, and this one has none.
    return destination_for(workspace.realm.kind, value, asked.name, settings.base_url)


def describe_uploads(workspace: Workspace, plan: Plan) -> str:
    """Say where the local images of a plan go. Raise InputError, LocalFault."""
    shots = [step.shot for step in plan.steps if isinstance(step, Make) and step.shot.images]
    return "; ".join(dict.fromkeys(_describe_way(workspace, shot) for shot in shots))


def _describe_way(workspace: Workspace, shot: Shot) -> str:
    """Say where the images of a shot go: its model may take them in the request itself."""
    if workspace.realm.kind != "draft" and workspace.catalogue.model(shot).images == "bytes":
        return f"sent to {shot.provider} in the request"
    match upload_destination(workspace, shot.provider):
        case None:
            return "no upload destination is configured"
        case PublicFolder(base):
            return f"fetched from {base}"
        case other:
            return f"sent to {other.destination}"
