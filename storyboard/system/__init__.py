"""Operating system services: files, claims, the clock, signals."""
