"""storyboard init: a small project that renders at once."""

import shlex
from pathlib import Path

import click

from storyboard.model.errors import InputError

_STORYBOARD = """\
# yaml-language-server: $schema=.storyboard/storyboard.schema.json
storyboard: 1
title: First light

vars:
  look: "35mm film, soft morning light, muted palette"

scenes:
  - id: window
    prompt: "{{ look }}. Dawn comes up behind the hills, seen through an open window."
    first_frame: frames/window.png
  - id: kettle
    prompt: >
      {{ look }}. Close on a kettle on a gas flame. It begins to steam,
      and a hand takes it off.
  - id: road
    prompt: "{{ look }}. A bicycle leaves down a wet village road, camera on the ground."
    trim: { from: 0, to: 5 }

output:
  file: out/first-light.mp4
"""

_IGNORE = "out/\n.storyboard/\n"


@click.command
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Write a storyboard, a frame image and a .gitignore to DIR (default: the current folder)."""
    from storyboard.graphics.sample_frame import sample_frame
    from storyboard.system.files import replace, scratch_dir

    files = {
        "storyboard.yaml": _STORYBOARD.encode(),
        "frames/window.png": sample_frame(),
        ".gitignore": _IGNORE.encode(),
    }
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "nothing was written; give a folder")
    there = [name for name in files if (folder / name).exists() and name != ".gitignore"]
    if there:
        raise InputError(f"{folder / there[0]} already exists", "nothing was written; give another folder")
    if (folder / ".gitignore").exists():
        del files[".gitignore"]
    for name, content in files.items():
        replace(folder / name, content)
        click.echo(folder / name)
    replace(scratch_dir(folder) / "storyboard.schema.json", _schema())
    where = "" if folder == Path() else f"cd {shlex.quote(f'./{folder}' if str(folder)[0] == '-' else str(folder))} && "
    click.echo(f"preview it, free:  {where}storyboard render --draft", err=True)


def _schema() -> bytes:
    from storyboard.parsing.schema import text

    return text().encode()
