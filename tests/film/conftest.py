"""The fixtures of tests that read or write real clips."""

from filming import bundled_ffmpeg, clips

__all__ = ["bundled_ffmpeg", "clips"]
