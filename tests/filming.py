"""Real clips, made once a session by the bundled ffmpeg: flat colours that can be told apart, a flash and a click."""

import subprocess
from pathlib import Path

import pytest
from moving import GREY, H264, Clips, Colour

from storyboard.media import ffmpeg


@pytest.fixture(autouse=True)
def bundled_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORYBOARD_FFMPEG", raising=False)
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Makes a clip, or gives the one that was made before: a colour, white for one frame at each whole second.

    Its sound, where there is any, is a quiet tone with a click of 4 ms at each whole second.
    """
    folder = tmp_path_factory.mktemp("clips")
    made: dict[object, Path] = {}

    def clip(
        colour: Colour = GREY,
        *,
        seconds: float = 1,
        fps: int | str = 24,
        size: tuple[int, int] = (320, 180),
        sound: str = "stereo",
        hertz: int = 48000,
        codec: tuple[str, ...] = H264,
        sound_codec: tuple[str, ...] = ("-c:a", "aac", "-b:a", "128k"),
        sound_seconds: float | None = None,
        filters: str = "",
        suffix: str = "mp4",
        extra: tuple[str, ...] = (),
    ) -> Path:
        wanted = (colour, seconds, fps, size, sound, hertz, codec, sound_codec, sound_seconds, filters, suffix, extra)
        if wanted not in made:
            out = folder / f"{len(made):03d}.{suffix}"
            red, green, blue = colour
            picture = f"color=c=0x{red:02x}{green:02x}{blue:02x}:s={size[0]}x{size[1]}:r={fps}:d={seconds}"
            flash = f"drawbox=c=white:t=fill:enable='lt(mod(t+0.001,1),1/({fps}))'"
            chain = f"{picture},format=rgb24,{flash},scale=out_color_matrix=bt709:out_range=tv,format=yuv420p{filters}"
            command = [ffmpeg.binary(), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", chain]
            if sound:
                tone = "0.02*sin(2*PI*300*t)+0.7*sin(2*PI*3000*t)*lt(mod(t,1),0.004)"
                channels = "|".join([tone] * (1 if sound == "mono" else 2))
                length = seconds if sound_seconds is None else sound_seconds
                command += ["-f", "lavfi", "-i", f"aevalsrc='{channels}':s={hertz}:d={length}", *sound_codec]
            subprocess.run([*command, *codec, *extra, str(out)], check=True, capture_output=True, env={})
            made[wanted] = out
        return made[wanted]

    return clip
