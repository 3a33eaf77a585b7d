"""The length of a film and of its scenes, as text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storyboard.model.storyboard import Scene

# A film of more scenes is told as "38 scenes 8, card 4": each scene that is not of the commonest length by its name.
_LISTED = 12


def length_lines(scenes: "Sequence[Scene]") -> Iterator[str]:
    """Yield a line with the length of the film and of each scene, in seconds; none if it is not known."""
    from storyboard.model.film_length import film_seconds, scene_lengths
    from storyboard.model.text import format_seconds

    total = film_seconds(scenes)
    if total is None or not scenes:
        return
    seen = zip(scenes, scene_lengths(scenes), strict=True)
    lengths = [(scene.id, format_seconds(seconds or total)) for scene, seconds in seen]
    parts = [f"{scene} {seconds}" for scene, seconds in lengths]
    if len(lengths) > _LISTED:
        usual, count = Counter(seconds for _, seconds in lengths).most_common(1)[0]
        parts = [f"{count} scenes {usual}", *(f"{scene} {each}" for scene, each in lengths if each != usual)]
    each = f": {', '.join(parts)}" if len(lengths) > 1 else ""
    yield f"{'length':<8} {format_seconds(total)} s{each}"
