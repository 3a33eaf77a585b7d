"""Checks of what came: measured numbers in, remarks out. Nothing here touches the world."""
