"""The MP4 file format: sample tables, parameter sets, AAC frames. Knows no film."""
