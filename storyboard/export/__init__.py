"""Sidecar files of a film: subtitles, chapters."""
