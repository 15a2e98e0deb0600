"""The rules that the engine enforces on every resource, whoever wrote it."""
