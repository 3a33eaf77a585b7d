"""The API of any declared service, by its declaration read backwards, before the same jobs, drafts and faults."""
