"""The errors that storyboard raises, by their public name."""

from storyboard.model.errors import (
    AddressExpired as AddressExpired,
)
from storyboard.model.errors import (
    BadMedia as BadMedia,
)
from storyboard.model.errors import (
    Busy as Busy,
)
from storyboard.model.errors import (
    InputError as InputError,
)
from storyboard.model.errors import (
    Interrupted as Interrupted,
)
from storyboard.model.errors import (
    LocalFault as LocalFault,
)
from storyboard.model.errors import (
    NotAsked as NotAsked,
)
from storyboard.model.errors import (
    OverBudget as OverBudget,
)
from storyboard.model.errors import (
    Problems as Problems,
)
from storyboard.model.errors import (
    RunRefused as RunRefused,
)
from storyboard.model.errors import (
    SceneFailed as SceneFailed,
)
from storyboard.model.errors import (
    Stalled as Stalled,
)
from storyboard.model.errors import (
    StoryboardError as StoryboardError,
)
from storyboard.model.errors import (
    SubmissionUnknown as SubmissionUnknown,
)
