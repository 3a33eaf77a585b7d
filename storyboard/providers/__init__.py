"""Providers: the contract with a video service, and how one is found. A plugin imports from here alone."""

from storyboard.providers.base import Address, Provider, Ready, Waiting
from storyboard.providers.registry import find

__all__ = ["Address", "Provider", "Ready", "Waiting", "find"]
