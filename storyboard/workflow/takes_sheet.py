"""The contact sheet of takes, side by side: the first, the middle and the last frame of each take in a row."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.export.sidecars import Sidecars
from storyboard.film.registry import FilmRegistry
from storyboard.model.errors import StoryboardError
from storyboard.workflow.sheet import write_pages
from storyboard.workflow.takes_report import TakeRow
from storyboard.workflow.workspace import Workspace

if TYPE_CHECKING:
    from storyboard.graphics.contact_sheet import Tile

# The frames of each take: the columns of the sheet.
_COLUMNS = ("first", "middle", "last")


def takes_sheet(workspace: Workspace, rows: Sequence[TakeRow], scene: str | None) -> list[Path]:
    """Write the sheet of the takes that are here, beside the film; return its pages, as PNG; none without a take.

    It is named after the film, and after ``scene`` if all takes are of that scene. Raise LocalFault, InputError.
    """
    from storyboard.graphics import contact_sheet

    there = [row for row in rows if row.take and row.path]
    if not there:
        return []
    measure = there[0].take.measure if there[0].take else None
    assert measure
    box = contact_sheet.box(len(_COLUMNS) ** 2, (measure.width, measure.height))
    with ThreadPoolExecutor(2) as pool:
        tiles = [tile for row in pool.map(lambda row: list(_tiles(row, box)), there) for tile in row]
    about = f"{len(there)} take{'' if len(there) == 1 else 's'}"
    registry, film = FilmRegistry(workspace.file.parent), Path(workspace.storyboard.output.file)
    first = registry.default_path(film, workspace.realm.kind).with_suffix(f"{f'.{scene}' if scene else ''}.takes.png")
    pages = contact_sheet.pages(workspace.storyboard.title, about, tiles, box, columns=len(_COLUMNS))
    return write_pages(Sidecars(workspace.file.parent), first, pages)


def _tiles(row: TakeRow, box: tuple[int, int]) -> "Iterator[Tile]":
    from storyboard.graphics.contact_sheet import Tile
    from storyboard.media import frames

    assert row.take
    assert row.path
    last = row.take.measure.frames - 1
    told = ("in the film" if row.picked else "", "; ".join(remark.says for remark in row.remarks), "")
    for name, number, words in zip(_COLUMNS, (0, last // 2, last), told, strict=True):
        try:
            picture, why = frames.thumbnail(row.path, number, number + 1, box), ""
        except StoryboardError as error:
            picture, why = None, error.message
        yield Tile(f"{row.scene} take {row.number}", name, words, picture, why)
