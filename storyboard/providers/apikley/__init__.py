"""Apikley, the built-in provider: Veo 3.1 behind the API document of apikley.ru."""

from storyboard.providers.apikley.veo import Apikley, provider

__all__ = ["Apikley", "provider"]
