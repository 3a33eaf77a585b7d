"""Report on the takes of scenes, side by side: what they are, what they cost, how loud they are, which one is used."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from storyboard.costs.price_book import PriceBook, price_document
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError, StoryboardError
from storyboard.model.remark import Remark
from storyboard.model.shot import Shot
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Take
from storyboard.model.text import json_number, one_line
from storyboard.planning.steps import Keep, Step, take_id
from storyboard.workflow.facts import current_plan
from storyboard.workflow.footage import clip_of_take, loudness_cache
from storyboard.workflow.scene_remarks import scene_remarks
from storyboard.workflow.workspace import Workspace


@dataclass(frozen=True, slots=True)
class TakeRow:
    """One take of a scene: ``take`` and ``path`` are None where it is not here; ``why`` says why.

    ``seed`` is the one that was asked for, else the one that the provider reported. ``cost`` is what it cost by the
    ledger, or, if it is still to be made or downloaded, what that costs; None where that is not known. ``lufs`` is how
    loud the film plays it before its own gain; None where there is nothing to hear. ``picked``: the film uses it.
    """

    scene: str
    number: int
    picked: bool
    state: str
    why: str
    seed: int | None
    cost: Cost | None
    take: Take | None
    path: Path | None
    lufs: float | None
    remarks: tuple[Remark, ...]


def read_takes(workspace: Workspace, scene: str | None = None) -> tuple[TakeRow, ...]:
    """Return the takes of a scene, or of all scenes that a provider generates, in the film's order.

    What is not measured yet is measured. Raise InputError for a scene without takes, LocalFault.
    """
    if scene is not None and scene not in workspace.wanted:
        there = any(each.id == scene for each in workspace.storyboard.scenes)
        what = "shows a file of its own, and has no takes" if there else "is not in the storyboard"
        hint = did_you_mean(scene, workspace.wanted) or f"scenes: {', '.join([*workspace.wanted][:20])}"
        raise InputError(f"scene '{one_line(scene, 80)}' {what}", hint)
    plan = current_plan(workspace)
    steps, remarks = [step for step in plan.steps if scene in (None, step.scene)], scene_remarks(workspace, plan)
    with ThreadPoolExecutor(2) as pool:
        levels = list(pool.map(lambda step: _lufs(workspace, step), steps))
    return tuple(
        _row(workspace, step, lufs, remarks.get(take_id(step), ())) for step, lufs in zip(steps, levels, strict=True)
    )


def _row(workspace: Workspace, step: Step, lufs: float | None, remarks: tuple[Remark, ...]) -> TakeRow:
    take = step.take if isinstance(step, Keep) else None
    return TakeRow(
        scene=step.scene,
        number=step.shot.take,
        picked=step.picked,
        state=step.name,
        why=step.why,
        seed=step.shot.seed if step.shot.seed is not None or take is None else take.seed,
        cost=_paid(workspace, step.shot, take) if take else step.cost,
        take=take,
        path=workspace.realm.store.path(take.digest) if take else None,
        lufs=lufs,
        remarks=remarks,
    )


def _paid(workspace: Workspace, shot: Shot, take: Take) -> Cost | None:
    """What a take cost by the ledger, its upgrade included; as the lock says where another machine bought it."""
    entry = workspace.submission(shot.key)
    if entry is None or entry.state != "taken":
        return take.cost
    return Cost() if workspace.realm.kind == "draft" else entry.cost


def _lufs(workspace: Workspace, step: Step) -> float | None:
    """How loud the film plays a take, measured once; None where it has no sound, or cannot be read or trimmed so."""
    if not isinstance(step, Keep) or not step.take.measure.sound:
        return None
    clip, cache = clip_of_take(workspace, step.scene, step.take), loudness_cache(workspace)
    if clip is None:
        return None
    try:
        known = cache.of(clip) or cache.measure(clip, workspace.realm.store.path(step.take.digest))
    except StoryboardError:
        return None
    return known.lufs


def takes_document(workspace: Workspace, rows: Iterable[TakeRow], sheets: Iterable[Path]) -> Mapping[str, object]:
    """Return takes as JSON (schema takes.schema.json)."""
    scenes: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        scenes.setdefault(row.scene, []).append(_document(row, workspace.prices))
    return {
        "storyboard": str(workspace.file),
        "scenes": [{"scene": scene, "takes": takes} for scene, takes in scenes.items()],
        "sheets": [str(path) for path in sheets],
    }


def _document(row: TakeRow, prices: PriceBook) -> Mapping[str, object]:
    measure = row.take.measure if row.take else None
    return {
        "number": row.number,
        "seed": row.seed,
        **price_document(row.cost, prices),
        "path": str(row.path) if row.path else None,
        "picked": row.picked,
        "remarks": [remark.document() for remark in row.remarks],
        "state": row.state,
        "why": row.why,
        "sha256": row.take.digest if row.take else None,
        "seconds": json_number(measure.seconds) if measure else None,
        "width": measure.width if measure else None,
        "height": measure.height if measure else None,
        "sound": measure.sound if measure else None,
        "loudness": None if row.lufs is None else round(row.lufs, 1),
    }
