"""Polling schedule: how often a job is polled, and when polling stops. All times in seconds (reliability.md B4).

What differs from service to service is in its ``Timing``.
"""

from dataclasses import dataclass

# Pauses grow, each multiplied by a random JITTER.
HD_PAUSE = 25.0
HD_DEADLINE = 10 * 60.0
JITTER = (0.8, 1.2)

# How long after the first poll an unconfirmed submission waits for its callback; the pause between two checks of the
# inbox.
CALLED_WITHIN = 10 * 60.0
CALLED_LOOK = 12.0

# How long the provider may report its own job as unknown, and how often as done without a URL.
_VISIBLE_AFTER = 10 * 60.0
_BARE = 3


def between_polls(pause: float, age: float) -> float:
    """The pause before the next poll of a job that has been in progress for ``age`` seconds; ``pause`` is the first."""
    if age > 15 * 60:
        return pause * 5
    return pause * 2.5 if age > 6 * 60 else pause


@dataclass(slots=True)
class PollLimit:
    """The limit of polling one job: ``deadline`` in seconds, and counts of unusable answers in a row.

    ``visible_after``: for how many seconds the provider may report the job as unknown. ``unseen`` counts answers in
    which it is, and ``hidden`` the seconds of pauses between them; ``bare`` counts answers that say done without a URL.
    """

    deadline: float
    visible_after: float = _VISIBLE_AFTER
    unseen: int = 0
    hidden: float = 0.0
    bare: int = 0

    def over(self, age: float, pause: float, *, seen: bool, done: bool) -> str:
        """The reason to stop polling, or "". Call once per answer, after ``age`` seconds.

        ``seen``: the provider knows the job; ``done``: it says that the job is done; ``pause``: seconds until the next
        poll.
        """
        self.unseen, self.hidden = (0, 0.0) if seen else (self.unseen + 1, self.hidden + pause)
        self.bare = self.bare + 1 if done else 0
        if self.bare > _BARE:
            return "the provider says that it is done, and gives no address for the clip"
        if self.unseen >= 3 and self.hidden > self.visible_after:
            return "the provider does not know it"
        if age <= self.deadline:
            return ""
        return f"no clip after {self.deadline / 60:.0f} minutes" if self.deadline else "it is not ready"
