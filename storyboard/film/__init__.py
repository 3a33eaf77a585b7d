"""From a timeline to an MP4."""
