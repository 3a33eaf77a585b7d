"""The images that were uploaded: their files, each named by its content."""

from collections import UserDict
from hashlib import sha256
from pathlib import Path


class UploadedImages(UserDict[str, Path]):
    """The files in ``folder`` by the address, or the name, that jobs give them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def keep(self, address: str, content: bytes, ending: str) -> None:
        """Keep an image; ``ending`` is that of its file, such as ".png"."""
        file = self._folder / f"upload-{sha256(content).hexdigest()}{ending}"
        file.write_bytes(content)
        self[address] = file
