"""Files beside a film: subtitles, chapters, sidecars."""
