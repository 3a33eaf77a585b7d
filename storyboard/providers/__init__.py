"""Providers: the contract with a video service, and how one is found. A plugin imports from here alone."""

from storyboard.costs.prices import Prices
from storyboard.http.exchange import Meaning, Part, Rejection, Reply, Request
from storyboard.http.messages import PLAIN_CALLS, Answers, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, AnswerKind, Call, read_table
from storyboard.model.capabilities import Auth, Capabilities, Environment, Lengths, Model, ModelRule, Quality
from storyboard.model.shot import Shot
from storyboard.providers.base import (
    Address,
    BalanceReader,
    CallbackReader,
    Canceller,
    Configurable,
    Dispatch,
    ImageUploader,
    JobFailed,
    JobFinder,
    NoResult,
    Pending,
    PromptEcho,
    Provider,
    Ready,
    SentImage,
    Timing,
    Upscaler,
    is_job_name,
)
from storyboard.providers.installed import find

__all__ = [
    "PLAIN_CALLS",
    "PLAIN_HTTP",
    "Address",
    "AnswerKind",
    "Answers",
    "Auth",
    "BalanceReader",
    "Call",
    "CallbackReader",
    "Canceller",
    "Capabilities",
    "Configurable",
    "Dispatch",
    "Environment",
    "ImageUploader",
    "JobFailed",
    "JobFinder",
    "Lengths",
    "Meaning",
    "Model",
    "ModelRule",
    "NoResult",
    "Part",
    "Pending",
    "Prices",
    "PromptEcho",
    "Provider",
    "Quality",
    "Ready",
    "Rejection",
    "Reply",
    "Request",
    "SentImage",
    "Shot",
    "Texts",
    "Timing",
    "Upscaler",
    "find",
    "is_job_name",
    "plain_texts",
    "read_table",
]
