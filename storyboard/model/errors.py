"""What can go wrong, sorted by whose business it is. Each error says what to do next."""

from typing import TYPE_CHECKING

from storyboard.model.text import safe_text

if TYPE_CHECKING:
    from storyboard.model.problem import Problem


class StoryboardError(Exception):
    """An expected end of a run: one sentence and a hint.

    ``message`` says what is wrong and where, ``hint`` what to do next (may be empty). Whatever they quote, they can be
    shown: the controls of a terminal and the orders of a CI runner are written out.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(safe_text(message))
        self.message = safe_text(message)
        self.hint = safe_text(hint)


class InputError(StoryboardError):
    """The storyboard, a flag or the configuration is wrong; nothing was paid."""


class Problems(InputError):
    """Everything that is wrong with a storyboard, at once, in the order of its lines.

    ``planned`` is True where a plan could be made of it all the same, and was shown.
    """

    def __init__(self, problems: "tuple[Problem, ...]", *, planned: bool = False) -> None:
        super().__init__(f"{len(problems)} problem{'' if len(problems) == 1 else 's'} in the storyboard")
        self.problems = problems
        self.planned = planned


class RunRefused(StoryboardError):
    """The whole run is refused (key, credits, address, maintenance): stop asking, keep collecting.

    ``code`` is the HTTP status or body code that said so, or None where no answer came.
    """

    def __init__(self, message: str, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class OverBudget(RunRefused):
    """The user's own budget does not reach: nothing more is asked for, what is paid for is still collected."""


class LocalFault(StoryboardError):
    """This machine is at fault: disk full, store damaged, ffmpeg missing."""


class Busy(StoryboardError):
    """Another render of this storyboard is at work."""


class SceneFailed(StoryboardError):
    """One scene will not come, and its neighbours go on. Nothing of it is in flight any more.

    ``code`` is the provider's code (HTTP status or body code), None where the fault is of another kind.
    """

    def __init__(self, message: str, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class Stalled(SceneFailed):
    """No answer in time about a job that is paid for: the job stays open, the next run collects it."""


class AddressExpired(SceneFailed):
    """A clip's address no longer serves the clip: ask the provider for a new one, then fetch again."""


class BadMedia(SceneFailed):
    """What was fetched is not the clip that was promised: no MP4, cut short, damaged, of the wrong length."""


class SubmissionUnknown(StoryboardError):
    """A submission may have been accepted and charged, but the answer was lost. Never sent again by itself."""

    def __init__(self, message: str, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


def submission_undecided(why: str) -> SubmissionUnknown:
    """What is said of a scene whose submission was lost."""
    return SubmissionUnknown(
        f"nobody knows whether it was accepted and paid for: {why}",
        "it is never sent again by itself: see `storyboard status`, and decide it with `storyboard settle`",
    )


def submission_given_up(why: str) -> SceneFailed:
    """What is said of a scene whose submission its author has given up."""
    return SceneFailed(why, "change the scene, or have it asked for anew: storyboard settle FILE SCENE --again")


class NotAsked(StoryboardError):
    """A scene was not asked for, because the run had been stopped before its turn came. Nothing of it was paid."""

    def __init__(self, cause: StoryboardError) -> None:
        super().__init__(f"not asked for: {cause.message}", cause.hint)
        self.cause = cause


class Interrupted(StoryboardError):
    """The user stopped the run."""
