"""The API of a ComfyUI, before the same jobs, drafts and faults."""
