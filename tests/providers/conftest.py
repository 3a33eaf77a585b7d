"""The scripted service stands beside the wire's tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "wire"))
