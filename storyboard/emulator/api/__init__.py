"""The emulated API: server, jobs, replies."""
