"""storyboard: a film from a YAML file, each shot paid for once."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("storyboard-render")
except PackageNotFoundError:
    __version__ = "0+unknown"
