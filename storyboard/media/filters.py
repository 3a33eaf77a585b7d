"""ffmpeg filters from a clip's frames to pictures of one size and rate in BT.709. They contain numbers only.

A clip may change its size on the way (WebM of a call or of a screen): sizes are expressions, evaluated for each frame,
and ffmpeg keeps the same filters (``KEPT``), because new ones would lose the times. Filters that need one size
(deinterlacing, wide colours) get each part of such a clip by itself.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest
from math import floor
from typing import NamedTuple

from storyboard.media.bt709 import ONE_SIZE, SCALING, to_bt709
from storyboard.media.probe import SizedPart, Source
from storyboard.model.storyboard import Fit

# Arguments of an input whose filters stay as they are when the size of its frames changes.
KEPT = ("-reinit_filter", "0")
TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_DIMMED = "lutyuv=y=16+(val-16)*0.6:u=128+(val-128)*0.6:v=128+(val-128)*0.6"
# One frame for each two fields; frames that are not marked as interlaced stay as they are.
_DEINTERLACED = "bwdif=mode=send_frame:deint=interlaced"


class FrameShape(NamedTuple):
    """``width`` and ``height`` in pixels, both even; ``fps`` frames a second."""

    width: int
    height: int
    fps: Fraction | int


def seek(source: Source, start: Fraction) -> Fraction:
    """Where ffmpeg begins to read, in seconds of its input, so that the frame at ``start`` is decoded whole."""
    return max(Fraction(0), source.lead + start - 1)


def picture_filter(source: Source, shape: FrameShape, fit: Fit, start: Fraction) -> str:
    """The picture filters: deinterlacing, frame times, then colour, then size. Reading begins at ``seek``.

    ``start`` is the time of the first frame that is wanted, in seconds of the clip. The last frame is repeated where
    rounding needs one more than there is.
    """
    times = (
        f"setpts=PTS-({source.lead + start - seek(source, start)})/TB",
        f"fps=fps={shape.fps}:start_time=0:round=near",
        "tpad=stop=-1:stop_mode=clone",
    )
    deinterlaced = f"{ONE_SIZE},{_DEINTERLACED}" if source.interlaced else ""
    fitted = (to_bt709(source.colour), _fitted(shape, fit), "format=yuv420p,setsar=1", TAGS)
    parts = _visible(source.parts, shape.fps, start)
    if len(parts) > 1:
        return ",".join([*times, _in_parts(parts, ",".join(filter(None, (deinterlaced, *fitted))))])
    return ",".join(filter(None, (deinterlaced, *times, *fitted)))


def _visible(parts: Sequence[SizedPart], fps: Fraction | int, start: Fraction) -> list[tuple[int, SizedPart]]:
    """The parts from ``start`` on, each with its first frame at the film's rate, counted from ``start``."""
    firsts = [(max(0, floor((part.begins - start) * fps + Fraction(1, 2))), part) for part in parts]
    return [one for one, after in zip_longest(firsts, firsts[1:]) if after is None or after[0] > one[0]]


def _in_parts(parts: Sequence[tuple[int, SizedPart]], chain: str) -> str:
    """Split frames of the film's rate into parts of one size, filter each by ``chain``, and join them again."""
    ends = [*(f":end_frame={first}" for first, _ in parts[1:]), ""]
    graph = ["split=" + str(len(parts)) + "".join(f"[in{number}]" for number in range(len(parts)))]
    for number, ((first, part), end) in enumerate(zip(parts, ends, strict=True)):
        one = f"[in{number}]trim=start_frame={first}{end},setpts=PTS-STARTPTS,scale={part.width}:{part.height}"
        graph.append(f"{one},{chain}[out{number}]")
    joined = "".join(f"[out{number}]" for number in range(len(parts)))
    return ";".join([*graph, f"{joined}concat=n={len(parts)}"])


def to_rgb(size: tuple[int, int]) -> str:
    """The filters from a picture in BT.709 to RGB of ``size`` (width, height)."""
    return f"scale={size[0]}:{size[1]}:in_color_matrix=bt709:in_range=tv:{SCALING},format=rgb24"


def _fitted(shape: FrameShape, fit: Fit) -> str:
    """Filters from any aspect ratio and size to the film's: scale, pad, crop, or a blurred copy behind it."""
    width, height = shape.width, shape.height
    match fit:
        case "pad":
            left, top = "floor((ow-iw)/4)*2", "floor((oh-ih)/4)*2"
            return f"{_scaled(width, height, 'min')},pad=w={width}:h={height}:x='{left}':y='{top}':eval=frame"
        case "crop":
            return _filled(shape, width, height)
        case "blur":
            # Blurring at an eighth of the size costs a 64th.
            small = (max(2, width // 16 * 2), max(2, height // 16 * 2))
            return (
                f"split[front][back],[back]{_filled(shape, *small)},gblur=sigma=5,{_DIMMED},"
                f"{_scale(str(width), str(height))}[behind],[front]{_scaled(width, height, 'min')}[before],"
                f"[behind][before]overlay={_CENTRE}"
            )


_CENTRE = "x='floor((W-w)/4)*2':y='floor((H-h)/4)*2':eval=frame:shortest=1"


def _filled(shape: FrameShape, width: int, height: int) -> str:
    """The picture scaled to cover ``width`` x ``height``, and laid on a frame of that size, which cuts it."""
    ground = f"color=black:s={width}x{height}:r={shape.fps},format=yuv420p[ground]"
    return f"{_scaled(width, height, 'max')},format=yuv420p[whole],{ground},[ground][whole]overlay={_CENTRE}"


def _scaled(width: int, height: int, pick: str) -> str:
    """Scale to touch ``width`` x ``height`` from inside (``pick`` is min) or outside (max), by two pixels at least."""
    sides = {}
    for one in ("min", "max"):
        factor = f"{one}({width}/(iw*sar),{height}/ih)"
        sides[one] = [f"max(2,round({side}*{factor}/2)*2)" for side in ("iw*sar", "ih")]
    # A difference in shape of less than two pixels is not worth a bar.
    fits = "+".join(f"eq({across},{width})*eq({down},{height})" for across, down in sides.values())
    across, down = sides[pick]
    return _scale(f"'if({fits},{width},{across})'", f"'if({fits},{height},{down})'")


def _scale(width: str, height: str) -> str:
    return f"scale=w={width}:h={height}:eval=frame:out_color_matrix=bt709:out_range=tv:{SCALING}"
