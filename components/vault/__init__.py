"""Vault on Consul, its policies, approles and backups."""
