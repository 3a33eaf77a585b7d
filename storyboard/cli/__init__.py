"""One verb, one file: read the arguments, call, print."""
