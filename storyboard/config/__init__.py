"""The user's settings and credentials."""
