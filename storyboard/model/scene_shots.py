"""The shots of a scene: one for each of its takes, and which of them the film uses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from storyboard.model.draft_label import label_of_take
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.shot import Shot, shot_of_take


@dataclass(frozen=True, slots=True)
class SceneShots:
    """The shots of one scene by take number, from 1; ``used`` is the number of the take that the film uses.

    ``spares`` are the shots that ``retake`` may buy past these, in order; one that it bought is a take.
    ``fallbacks`` are the numbers of the takes that came of a fallback, as the provider refused the scene itself.
    """

    takes: tuple[Shot, ...]
    used: int = 1
    fallbacks: frozenset[int] = frozenset()
    spares: tuple[Shot, ...] = ()

    @property
    def shot(self) -> Shot:
        """The shot that the film uses."""
        return self.takes[self.used - 1]

    @property
    def keys(self) -> Mapping[int, str]:
        """The key of each take, by its number."""
        return {number: each.key for number, each in enumerate(self.takes, 1)}

    @property
    def stands(self) -> bool:
        """Whether takes stand for shots of the scene that they were not generated from, or that are frozen."""
        return any(each.kept_key for each in self.takes)

    def with_fallback(self, number: int, key: str) -> "SceneShots":
        """Return the same, where the take of a fallback, with this key, stands for take ``number``."""
        takes = tuple(replace(each, kept_key=key) if each.take == number else each for each in self.takes)
        return replace(self, takes=takes, fallbacks=self.fallbacks | {number})


def nth_shot(first: Shot, number: int, catalogue: Catalogue) -> Shot:
    """Return the shot of take ``number`` of a scene, whose take 1 is ``first``."""
    nth = shot_of_take(first, number, catalogue.model(first).seeds)
    return nth if number == 1 or nth.label is None else replace(nth, label=label_of_take(nth.label, number))
