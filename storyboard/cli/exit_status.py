"""Exit statuses: the one place where an error, or the result of a render, becomes a number (docs/errors.md)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from storyboard.model.errors import (
    Busy,
    Interrupted,
    LocalFault,
    NotAsked,
    ProgramFault,
    RebuyNeeded,
    RunRefused,
    SceneFailed,
    StoryboardError,
    SubmissionUnknown,
)

if TYPE_CHECKING:
    from storyboard.workflow.summary import RenderResult

# A class that is not listed has the status of its base class.
STATUSES: Mapping[type[StoryboardError], int] = {
    StoryboardError: 2,
    ProgramFault: 1,
    SceneFailed: 3,
    SubmissionUnknown: 4,
    RebuyNeeded: 4,
    RunRefused: 5,
    LocalFault: 6,
    Busy: 7,
    Interrupted: 130,
}

# If scenes failed in several ways, the first of these that occurs is the status of the run.
_FIRST = (ProgramFault, LocalFault, RunRefused, SubmissionUnknown, SceneFailed)


def class_status(kind: type[StoryboardError]) -> int:
    """Return the exit status of a class of errors."""
    return next(STATUSES[base] for base in kind.__mro__ if base in STATUSES)


def error_status(error: StoryboardError) -> int:
    """Return the exit status of a command that ends with this error."""
    return error_status(error.cause) if isinstance(error, NotAsked) else class_status(type(error))


def result_status(result: "RenderResult") -> int:
    """Return the exit status of a render: of what stopped it, else of its worst scene, else 0."""
    if result.stopped_by:
        return error_status(result.stopped_by)
    if result.slates:
        return STATUSES[SceneFailed]
    return worst_status(result.errors.values())


def worst_status(errors: Iterable[StoryboardError]) -> int:
    """Return the exit status of a command in which these happened; 0 if none did."""
    found = {error_status(error) for error in errors}
    other = STATUSES[SceneFailed] if found else 0
    return next((STATUSES[kind] for kind in _FIRST if STATUSES[kind] in found), other)
