"""storyboard init: a small project that renders at once."""

import shlex
from pathlib import Path

import click

from storyboard.model.errors import InputError

_TEMPLATES = Path(__file__).parent / "templates"
_USUAL = "first-light"

_IGNORE = "out/\n.storyboard/\n"


@click.command
@click.option(
    "--template", type=click.Choice(["ad-9x16", "trailer", "explainer"]), help="Start from this kind of film."
)
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path))
def command(folder: Path, template: str | None) -> None:
    """Write a storyboard, its images and a .gitignore to DIR (default: the current folder)."""
    from storyboard.parsing.schema import text
    from storyboard.system.files import replace, scratch_dir

    files = _files(template or _USUAL)
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
    replace(scratch_dir(folder) / "storyboard.schema.json", text().encode())
    replace(scratch_dir(folder) / "scenes.schema.json", text("scenes").encode())
    where = "" if folder == Path() else f"cd {shlex.quote(f'./{folder}' if str(folder)[0] == '-' else str(folder))} && "
    click.echo(f"preview it, free:  {where}storyboard render --draft", err=True)


def _files(template: str) -> dict[str, bytes]:
    images = {"frames/window.png": (_TEMPLATES / f"{_USUAL}.png").read_bytes()} if template == _USUAL else {}
    return {
        "storyboard.yaml": (_TEMPLATES / f"{template}.yaml").read_bytes(),
        **images,
        ".gitignore": _IGNORE.encode(),
    }
