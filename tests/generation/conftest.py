"""Fixtures of the tests of generation."""

from filming import clips

__all__ = ["clips"]
