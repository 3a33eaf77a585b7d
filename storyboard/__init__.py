"""storyboard: a film from a YAML file, each shot paid for once."""

__version__ = "0.1.0"
