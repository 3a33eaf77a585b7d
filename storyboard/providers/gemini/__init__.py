"""gemini: Google's Gemini Omni through the Interactions API of the Gemini API."""

from storyboard.providers.gemini.omni import Gemini, provider

__all__ = ["Gemini", "provider"]
