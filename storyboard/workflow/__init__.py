"""Use cases, one file each: what a verb does. The only package that knows all others."""
