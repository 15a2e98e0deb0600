"""Azure's side of the platform: resource groups, roles, identities, storage, Key Vault, deployers."""
