"""Author: somebody who writes a storyboard into a folder, and is told what is wrong with it."""

from collections.abc import Mapping
from pathlib import Path

import av
import numpy
from PIL import Image

from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Storyboard
from storyboard.parsing.read import check_storyboard, read_storyboard
from storyboard.providers.apikley.veo import CAPABILITIES
from storyboard.workflow.source_files import Project


class Author:
    """Somebody who writes files into a project and has them read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.capabilities = CAPABILITIES

    @property
    def catalogue(self) -> Catalogue:
        """The models that these storyboards may use: those of one provider."""
        return Catalogue.of("apikley", self.capabilities)

    def write(self, text: str | bytes, name: str = "film.yaml") -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def draw(self, name: str, width: int = 160, height: int = 90) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height), (20, 40, 60)).save(file)
        return file

    def check(self, text: str | bytes, given: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        return check_storyboard(self.write(text).name, Project(self.folder), self.catalogue, given or {})

    def told(self, text: str | bytes, given: Mapping[str, str] | None = None) -> list[str]:
        """The problems as ``line:column message``."""
        found = self.check(text, given)
        return [f"{problem.place.line}:{problem.place.column} {problem.message}" for problem in found]

    def read(self, text: str | bytes, given: Mapping[str, str] | None = None) -> Storyboard:
        return read_storyboard(self.write(text).name, Project(self.folder), self.catalogue, given or {})


def clip(file: Path, frames: int = 10) -> None:
    """A real clip of 64x36 at 5 frames a second."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for shade in range(frames):
            picture = av.VideoFrame.from_ndarray(numpy.full((36, 64, 3), shade * 20, numpy.uint8), format="rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
