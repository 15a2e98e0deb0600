"""Entra ID: app registrations, groups and group claims in tokens."""

from components.entra.application import OidcClient
from components.entra.claims import TeamGroup, token_claims
from components.entra.directory import Entra
from components.entra.settings import EntraSettings

__all__ = ["Entra", "EntraSettings", "OidcClient", "TeamGroup", "token_claims"]
