"""storyboard: generate and cut a film from a YAML file; each shot is charged once.

The names below are the public Python API (docs/python.md); each is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "ClipFacts",
    "OpenStoryboard",
    "Plan",
    "Problem",
    "Remark",
    "RenderResult",
    "Storyboard",
    "Take",
    "Timeline",
    "load",
    "open",
    "settings",
    "validate",
]

if TYPE_CHECKING:
    from storyboard.checks.clip_facts import ClipFacts
    from storyboard.config.settings import settings
    from storyboard.model.problem import Problem
    from storyboard.model.remark import Remark
    from storyboard.model.storyboard import Storyboard
    from storyboard.model.take import Take
    from storyboard.planning.steps import Plan
    from storyboard.timeline.model import Timeline
    from storyboard.workflow.api import OpenStoryboard, load, validate
    from storyboard.workflow.api import open_storyboard as open
    from storyboard.workflow.summary import RenderResult

_HOMES = {
    "ClipFacts": "checks.clip_facts:ClipFacts",
    "OpenStoryboard": "workflow.api:OpenStoryboard",
    "Plan": "planning.steps:Plan",
    "Problem": "model.problem:Problem",
    "Remark": "model.remark:Remark",
    "RenderResult": "workflow.summary:RenderResult",
    "Storyboard": "model.storyboard:Storyboard",
    "Take": "model.take:Take",
    "Timeline": "timeline.model:Timeline",
    "load": "workflow.api:load",
    "open": "workflow.api:open_storyboard",
    "settings": "config.settings:settings",
    "validate": "workflow.api:validate",
}


def __getattr__(name: str) -> object:
    """Import a name of the API when it is first used: `storyboard --help` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, found = _HOMES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), found)
