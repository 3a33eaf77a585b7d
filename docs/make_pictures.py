"""The README's pictures, made from the program at work: python docs/make_pictures.py (needs the extra [docs]).

docs/pictures/render.svg   a terminal of 100 columns in the middle of a rehearsal against the emulator
docs/pictures/keeper.jpg   examples/keeper as a draft: its contact sheet
docs/pictures/takes.jpg    the three takes of a scene of examples/takes as drafts, as `storyboard takes` shows them
docs/pictures/chain.jpg    examples/chain as a draft: the first, middle and last frame of each shot
docs/pictures/transitions.jpg, titles.jpg   every transition between two of its pictures, and a title at every place
"""

import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl
from fractions import Fraction
from io import StringIO
from itertools import cycle
from pathlib import Path
from termios import TIOCSWINSZ
from typing import TYPE_CHECKING, get_args

import pyte
from PIL import Image, ImageDraw
from pyte.screens import Char
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

if TYPE_CHECKING:
    from storyboard.graphics.transitions import YuvPicture

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
COLUMNS, LINES = 100, 24
STORYBOARD = [sys.executable, "-m", "storyboard"]
# An example, and the command that writes a sheet of its draft.
SHEETS = (("keeper", "sheet"), ("takes", "takes", "gull"), ("chain", "takes"))


def main() -> None:
    """Make all pictures in a folder that is thrown away."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        environ = {**os.environ, "STORYBOARD_HOME": str(Path(scratch) / "home"), "TERM": "xterm-256color"}
        capture(_example("keeper", Path(scratch) / "rehearsal"), environ)
        for name, *words in SHEETS:
            sheet(name, words, Path(scratch) / name, environ)
    transitions()
    titles()


def _example(name: str, folder: Path) -> Path:
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns("out", ".storyboard"))
    return folder


def capture(folder: Path, environ: dict[str, str]) -> None:
    """A render that is agreed to at the prompt, caught when most scenes are at work."""
    with _emulator("--latency", "4") as url:
        rehearsal = {
            "APIKLEY_BASE_URL": url,
            "APIKLEY_API_KEY": "rehearsal",
            "STORYBOARD_TIME_SCALE": "0.05",
            "STORYBOARD_UPLOADS": "provider",
        }
        command = "storyboard render keeper.yaml --at-once 5"
        screen = pyte.Screen(COLUMNS, LINES)
        stream = pyte.ByteStream(screen)
        stream.feed(f"$ {command}\r\n".encode())
        best: list[Text] = []
        for seen in _played([*STORYBOARD, *command.split()[1:]], folder, {**environ, **rehearsal}, stream, screen):
            if "2 of 7 takes" in seen:
                best = [_styled(screen.buffer[row], screen.columns) for row in range(LINES)]
    if not best:
        sys.exit(f"the render did not come to its second scene; its screen:\n{chr(10).join(screen.display)}")
    _write_svg(best, "keeper")


@contextmanager
def _emulator(*options: str) -> Iterator[str]:
    command = [*STORYBOARD, "emulator", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _played(
    command: list[str], folder: Path, environ: dict[str, str], stream: pyte.ByteStream, screen: pyte.Screen
) -> Iterator[str]:
    """What the screen shows, whenever it changes; says yes to a question."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        asked = False
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if not select.select([ours], [], [], 0.2)[0]:
                continue
            try:
                came = os.read(ours, 65536)
            except OSError:
                break
            stream.feed(came)
            shown = "\n".join(screen.display)
            if "[y/N]" in shown and not asked:
                os.write(ours, b"y\n")
                asked = True
            yield shown
        child.wait(30)
    os.close(ours)


def _styled(row: dict[int, Char], columns: int) -> Text:
    text = Text(no_wrap=True)
    for column in range(columns):
        char = row[column]
        text.append(char.data, Style(color=_colour(char.fg), bold=char.bold, reverse=char.reverse))
    text.rstrip()
    return text


def _colour(name: str) -> Color | None:
    if name == "default":
        return None
    known = {"brown": "yellow"}
    return Color.parse(f"#{name}" if len(name) == 6 and name not in known else known.get(name, name))


def _write_svg(lines: list[Text], title: str) -> None:
    while lines and not lines[-1].plain.strip():
        lines.pop()
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for line in lines:
        console.print(line, soft_wrap=True)
    svg = console.export_svg(title=title, theme=SVG_EXPORT_THEME, unique_id="render")
    # The fonts that rich names lie on another machine: whoever looks at the picture uses a font of their own.
    head, _, rest = svg.partition("@font-face")
    rest = rest[rest.index(".render-matrix") :]
    (PICTURES / "render.svg").write_text(head + rest, "utf-8")


def sheet(name: str, words: list[str], folder: Path, environ: dict[str, str]) -> None:
    """What the command ``words`` writes of the draft of an example."""
    _example(name, folder)
    verb, *rest = words
    for line in (["render", "--draft", "--quiet"], [verb, *rest, "--draft"]):
        command = [*STORYBOARD, line[0], f"{name}.yaml", *line[1:]]
        subprocess.run(command, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
    (written,) = (folder / "out").glob("*.png")
    with Image.open(written) as image:
        small = image.convert("RGB")
        small.thumbnail((1328, 1060))  # A sheet of many takes is high: no higher than a page of the README shows.
        small.save(PICTURES / f"{name}.jpg", quality=82, optimize=True, progressive=True)


def transitions() -> None:
    """Every kind of transition between two pictures, when a third of it is over."""
    from storyboard.graphics.transitions import blend
    from storyboard.model.storyboard import TransitionKind

    pictures = _picture("lamp-dark"), _picture("lamp-lit")
    tiles = [(kind, _image(blend(kind, Fraction(1, 3), *pictures))) for kind in get_args(TransitionKind)]
    _laid_out(tiles, columns=5).save(PICTURES / "transitions.jpg", quality=82, optimize=True, progressive=True)


def titles() -> None:
    """A title at every position, in all the ways to make it legible, on one frame."""
    from storyboard.graphics.titles import ink
    from storyboard.model.storyboard import Legibility, Position, Title

    picture = _picture("lamp-lit")
    ways = cycle(get_args(Legibility))
    for at, legibility in zip(get_args(Position), ways, strict=False):
        title = Title(f"{at} ({legibility})", Fraction(0), None, at, Fraction(6, 100), "#ffffff", legibility)
        picture = ink(title, picture.width, picture.height).over(picture, Fraction(1))
    _image(picture).save(PICTURES / "titles.jpg", quality=82, optimize=True, progressive=True)


def _picture(name: str) -> "YuvPicture":
    """A picture of examples/keeper as a frame of a film."""
    import av

    from storyboard.graphics.transitions import YuvPicture

    with Image.open(ROOT / "examples" / "keeper" / "frames" / f"{name}.jpg") as image:
        frame = av.VideoFrame.from_image(image.convert("RGB").resize((1280, 720)))
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    return YuvPicture(frame.to_ndarray().reshape(-1), frame.width, frame.height)


def _image(picture: "YuvPicture") -> Image.Image:
    import av

    frame = av.VideoFrame.from_ndarray(picture.content.reshape(-1, picture.width), format="yuv420p")
    frame.colorspace = frame.color_range = 1
    return frame.to_image()


def _laid_out(tiles: list[tuple[str, Image.Image]], columns: int) -> Image.Image:
    from storyboard.graphics.fonts import face

    width, height, gap, label = 400, 225, 12, 30
    rows = -(-len(tiles) // columns)
    size = (columns * (width + gap) + gap, rows * (height + label + gap) + gap)
    sheet = Image.new("RGB", size, "#16181d")
    draw = ImageDraw.Draw(sheet)
    for index, (scene, image) in enumerate(tiles):
        x, y = gap + index % columns * (width + gap), gap + index // columns * (height + label + gap)
        sheet.paste(image.resize((width, height), Image.Resampling.LANCZOS), (x, y))
        draw.text((x + 2, y + height + 4), f"{index + 1}  {scene}", fill="#c9ccd3", font=face(17))
    return sheet


if __name__ == "__main__":
    main()
