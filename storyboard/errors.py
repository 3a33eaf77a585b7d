"""The errors that storyboard raises, by their public name."""

from storyboard.model.errors import (
    AddressExpired,
    BadMedia,
    Busy,
    InputError,
    Interrupted,
    LocalFault,
    NotAsked,
    OverBudget,
    Problems,
    ProgramFault,
    RunRefused,
    SceneFailed,
    Stalled,
    StoryboardError,
    SubmissionUnknown,
    UpgradeRefused,
)

__all__ = [
    "AddressExpired",
    "BadMedia",
    "Busy",
    "InputError",
    "Interrupted",
    "LocalFault",
    "NotAsked",
    "OverBudget",
    "Problems",
    "ProgramFault",
    "RunRefused",
    "SceneFailed",
    "Stalled",
    "StoryboardError",
    "SubmissionUnknown",
    "UpgradeRefused",
]
