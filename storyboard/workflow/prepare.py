"""Prepare the cut in the background: measure, draw and render what it needs as soon as a take is in the store.

Errors are ignored here; the cut repeats the work and reports them.
"""

import threading

from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import FilmPlan
from storyboard.model.errors import StoryboardError
from storyboard.model.take import Take
from storyboard.mp4.samples import ClipIndex
from storyboard.planning.steps import Plan
from storyboard.workflow.assemble import known_loudness, segments_folder
from storyboard.workflow.footage import build_footage, clip_of_take, loudness_cache
from storyboard.workflow.partial import slates_for_pending
from storyboard.workflow.render_options import takes_of
from storyboard.workflow.seam_remarks import seam_remarks
from storyboard.workflow.sheet import prepare_thumbnails
from storyboard.workflow.workspace import Workspace

# Films with more scenes are left to the cut: their indexes would take too much memory for the time saved.
MOST = 200

_AWAITED = ClipIndex("it is not there yet", None)


class _Stopped(Exception):
    """The render is over."""


class BackgroundPreparation:
    """Prepares the film of one plan, take by take; several threads may call it.

    ``pieces``: also render what the cut needs where takes meet, such as transitions and joints of the sound. Where
    there is no ``cut``, only what a plan says of takes is measured: their loudness, and their seams.
    """

    def __init__(self, workspace: Workspace, plan: Plan, *, cut: bool = True, pieces: bool = True) -> None:
        self._workspace = workspace
        self._takes = {**takes_of(plan)}
        self._few, self._cut, self._pieces = len(workspace.storyboard.scenes) <= MOST, cut, pieces
        self._known: dict[str, ClipIndex] = {}
        self._pictured = set(self._takes)
        self._news, self._one, self._over = threading.Event(), threading.Lock(), threading.Event()

    def take(self, scene: str, take: Take) -> None:
        """Prepare a take in the store: its loudness, its thumbnail, and what lies between it and its neighbours."""
        if self._over.is_set():
            return
        try:
            if clip := clip_of_take(self._workspace, scene, take):
                loudness_cache(self._workspace).prepare(clip, self._workspace.realm.store.path(take.digest))
            self._takes[scene] = take
            self._news.set()
            # The thread that prepares already continues with the new take.
            while self._few and self._news.is_set() and self._one.acquire(blocking=False):
                try:
                    self._news.clear()
                    self._make()
                finally:
                    self._one.release()
        except (StoryboardError, OSError, _Stopped):
            return

    def stop(self) -> None:
        """Stop preparing: the render has ended or was interrupted."""
        self._over.set()

    def _make(self) -> None:
        from storyboard.film import splice as hand

        takes = dict(self._takes)
        seam_remarks(self._workspace, takes)
        if not self._cut:
            return
        cut, paths = build_footage(self._workspace, takes, slates_for_pending(self._workspace, takes))
        new = takes.keys() - self._pictured
        self._pictured |= new
        prepare_thumbnails(self._workspace, cut, paths, {scene: takes[scene].measure.fps for scene in new})
        if not self._pieces:
            return
        unknown = {digest: path for digest, path in paths.items() if digest not in self._known}
        self._known |= hand.indexes(unknown, segments_folder(self._workspace))
        known = {clip.digest: self._known.get(clip.digest, _AWAITED) for clip in cut.clips}
        plan = plan_film(cut, known, known_loudness(self._workspace, cut))
        if isinstance(plan, FilmPlan):
            hand.prepare(plan, known, paths, segments_folder(self._workspace), self._watch)

    def _watch(self, done: int) -> None:
        if self._over.is_set():
            raise _Stopped
