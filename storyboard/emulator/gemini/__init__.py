"""The Interactions API of the Gemini API, before the same jobs, drafts and faults."""
