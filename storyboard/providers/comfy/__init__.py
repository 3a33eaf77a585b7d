"""comfy: a ComfyUI on the user's own machine or network; its models are workflows that config.toml names."""

from storyboard.providers.comfy.engine import Comfy, provider

__all__ = ["Comfy", "provider"]
