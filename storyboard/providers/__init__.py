"""Providers: the contract with a video service, and how one is found. A plugin imports from here alone."""

from storyboard.costs.prices import Prices
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.messages import PLAIN_CALLS, Answers, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, AnswerKind, Call, read_table
from storyboard.model.capabilities import Capabilities, Environment, Model, Quality
from storyboard.model.shot import Shot
from storyboard.providers.base import (
    Address,
    BalanceReader,
    CallbackReader,
    Configurable,
    ImageUploader,
    JobFailed,
    NoResult,
    Pending,
    PromptEcho,
    Provider,
    Ready,
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
    "BalanceReader",
    "Call",
    "CallbackReader",
    "Capabilities",
    "Configurable",
    "Environment",
    "ImageUploader",
    "JobFailed",
    "Meaning",
    "Model",
    "NoResult",
    "Pending",
    "Prices",
    "PromptEcho",
    "Provider",
    "Quality",
    "Ready",
    "Rejection",
    "Reply",
    "Request",
    "Shot",
    "Texts",
    "Upscaler",
    "find",
    "is_job_name",
    "plain_texts",
    "read_table",
]
