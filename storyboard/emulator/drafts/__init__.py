"""Draft clips: animatics drawn on this machine."""
