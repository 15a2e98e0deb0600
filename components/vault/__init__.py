"""Vault on Consul, its policies, approles and backups."""

from components.vault.approles import VaultAppRoles
from components.vault.consul import Consul
from components.vault.consul_backup import ConsulBackup
from components.vault.init import VaultInit
from components.vault.server import Vault
from components.vault.settings import VaultSettings
from components.vault.values import ACTIVE

__all__ = ["ACTIVE", "Consul", "ConsulBackup", "Vault", "VaultAppRoles", "VaultInit", "VaultSettings"]
