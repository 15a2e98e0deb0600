"""How a stack file is read: models, value types, messages, required secrets, protection."""
