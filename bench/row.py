"""Row: one figure that was measured. A figure with a reach is a promise; the others are for comparing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """``value`` in ``unit``; ``reach`` is the most that it may be, None where nothing was promised."""

    name: str
    value: float
    unit: str
    reach: float | None = None

    @property
    def missed(self) -> bool:
        """Whether it is more than was promised."""
        return self.reach is not None and self.value > self.reach
