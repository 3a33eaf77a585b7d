"""Sphinx: python -m sphinx docs out/docs (needs the extra [docs])."""

from importlib.metadata import version as installed

project = "storyboard"
author = "the storyboard authors"
release = version = installed("storyboard-render")
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {"description": "a film from a YAML file, each shot paid for once"}
exclude_patterns = ["pictures"]
# Links that lead out of docs/ are for readers of the repository.
suppress_warnings = ["myst.xref_missing"]
