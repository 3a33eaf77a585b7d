"""Patience: how often a job is asked after, and when to go on is no use. Seconds throughout (reliability.md B4)."""

from dataclasses import dataclass

# A job is asked after once it can be done, then ever more slowly; each pause is a little longer or shorter than said.
FIRST_POLL = 45.0
JOB_DEADLINE = 30 * 60.0
HD_PAUSE = 25.0
HD_DEADLINE = 10 * 60.0
JITTER = (0.8, 1.2)

# How long a submission whose answer was lost waits for its callback, and between two looks at what has come.
CALLED_WITHIN = FIRST_POLL + 10 * 60.0
CALLED_LOOK = 12.0

# How long the provider may know nothing of its own job, and how often it may say "done" and give no address.
_VISIBLE_AFTER = 10 * 60.0
_BARE = 3


def between_polls(age: float) -> float:
    """The pause after a look at a job that has been waited for ``age`` seconds."""
    if age > 15 * 60:
        return 60.0
    return 30.0 if age > 6 * 60 else 12.0


@dataclass(slots=True)
class PollLimit:
    """With one job, for ``deadline`` seconds. ``hidden`` are seconds of pauses since the provider last knew of it."""

    deadline: float
    unseen: int = 0
    hidden: float = 0.0
    bare: int = 0

    def over(self, age: float, pause: float, *, seen: bool, done: bool) -> str:
        """Why it is no use to go on after ``age`` seconds and one more answer, or "". ``pause`` is the next one."""
        self.unseen, self.hidden = (0, 0.0) if seen else (self.unseen + 1, self.hidden + pause)
        self.bare = self.bare + 1 if done else 0
        if self.bare > _BARE:
            return "the provider says that it is done, and gives no address for the clip"
        if self.unseen >= 3 and self.hidden > _VISIBLE_AFTER:
            return "the provider does not know it"
        return f"no clip after {self.deadline / 60:.0f} minutes" if age > self.deadline else ""
