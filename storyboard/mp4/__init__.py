"""The MP4 file format: sample tables, parameter sets, AAC frames. Independent of films and storyboards."""
