"""Errors, sorted by who can correct them: user, service, machine. Each says what to do next."""

from typing import TYPE_CHECKING

from storyboard.model.text import safe_text

if TYPE_CHECKING:
    from storyboard.model.problem import Problem


class StoryboardError(Exception):
    """An expected end of a run: one sentence and a hint.

    ``message`` says what is wrong and where, ``hint`` what to do next (may be empty). Both are safe to
    show: control characters of a terminal and commands of a CI runner are escaped.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(safe_text(message))
        self.message = safe_text(message)
        self.hint = safe_text(hint)


class InputError(StoryboardError):
    """The storyboard, a flag or the configuration is wrong; nothing was paid."""


class Problems(InputError):
    """All problems of a storyboard, in the order of its lines.

    ``planned``: a plan could be made all the same, and was shown.
    """

    def __init__(self, problems: "tuple[Problem, ...]", *, planned: bool = False) -> None:
        super().__init__(f"{len(problems)} problem{'' if len(problems) == 1 else 's'} in the storyboard")
        self.problems = problems
        self.planned = planned


class RunRefused(StoryboardError):
    """The whole run is refused (key, credits, address, maintenance): submit nothing more, keep downloading.

    ``code`` is the HTTP status or body code that said so, or None where no answer came.
    """

    def __init__(self, message: str, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class OverBudget(RunRefused):
    """The user's budget would be exceeded: nothing more is submitted, what is paid for is still downloaded."""


class LocalFault(StoryboardError):
    """This machine cannot go on: disk full, store damaged, ffmpeg missing."""


class Busy(StoryboardError):
    """Another render of this storyboard is in progress."""


class SceneFailed(StoryboardError):
    """One scene failed; the others go on. Nothing of it is in progress any more.

    ``code`` is the provider's code (HTTP status or body code), None where the fault is of another kind.
    """

    def __init__(self, message: str, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class Stalled(SceneFailed):
    """No answer in time about a job that is paid for: it stays open, and the next run downloads it."""


class AddressExpired(SceneFailed):
    """A clip's address no longer serves the clip: ask the provider for a new one, then download again."""


class BadMedia(SceneFailed):
    """What was downloaded is not a whole clip: no MP4, cut short, damaged, of the wrong length."""


class OriginalGone(SceneFailed):
    """The provider no longer has the uncropped original of a clip: it is not asked for again."""


class UpgradeRefused(SceneFailed):
    """The provider makes no upgrade of a finished job, and charges none; the take that it would be made of is there."""


class SubmissionUnknown(StoryboardError):
    """A submission may have been accepted and charged, but the answer was lost. Never sent again by itself."""

    def __init__(self, message: str, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint)
        self.code = code


class RebuyNeeded(StoryboardError):
    """A take that was bought is lost, or was never on this machine, and cannot be downloaded: the user must decide."""


def submission_undecided(why: str) -> SubmissionUnknown:
    """Return the error of a scene whose submission was lost."""
    return SubmissionUnknown(
        f"unconfirmed submission, possibly accepted and charged: {why}",
        "it is never resent automatically: see `storyboard status`, then resolve it with `storyboard settle`",
    )


def submission_given_up(why: str) -> SceneFailed:
    """Return the error of a scene whose submission the user gave up."""
    return SceneFailed(why, "change the scene, or submit it again: storyboard settle FILE SCENE --again")


class NotAsked(StoryboardError):
    """A scene was not submitted, because the run was stopped before. Nothing was paid for it."""

    def __init__(self, cause: StoryboardError) -> None:
        super().__init__(f"not asked for: {cause.message}", cause.hint)
        self.cause = cause


class ProgramFault(StoryboardError):
    """A fault of storyboard's own: an exception that nobody foresaw, in the work on one scene."""


class Interrupted(StoryboardError):
    """The user stopped the run."""
