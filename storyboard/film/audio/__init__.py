"""The sound of a film: planned, measured, mixed."""
