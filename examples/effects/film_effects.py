"""Two effects for storyboards: a function of a moviepy clip and a seed, that returns a clip of the same duration."""

import numpy as np
from moviepy import VideoClip, vfx


def grain(clip: VideoClip, seed: int) -> VideoClip:
    """Film grain. It falls alike each time: what chance decides comes from the seed and the time."""

    def grainy(get_frame, time):
        picture = get_frame(time).astype(np.int16)
        chance = np.random.default_rng([seed, round(time * clip.fps)])
        noise = chance.normal(0, 9, picture.shape[:2]).astype(np.int16)
        return np.clip(picture + noise[..., None], 0, 255).astype(np.uint8)

    return clip.transform(grainy)


def silver(clip: VideoClip, seed: int) -> VideoClip:
    """Black and white, with moviepy's own effect."""
    return clip.with_effects([vfx.BlackAndWhite()])
