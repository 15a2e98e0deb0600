"""Reading a stack file: models, value types, messages, required secrets and protection."""
