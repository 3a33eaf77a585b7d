"""This machine: files, claims, the clock, signals."""
