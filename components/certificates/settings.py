"""Settings of certificates."""

from typing import Literal

from pydantic import Field

from components.config.model import Model
from components.config.types import Email


class CertificatesSettings(Model):
    """Certificates of the public hosts, from Let's Encrypt."""

    email: Email
    """Contact address for Let's Encrypt, for example about a certificate that has to be replaced."""
    issuer: Literal["production", "staging"] = "production"
    """Let's Encrypt's environment. Browsers do not trust certificates of staging, and the program does not
    verify Vault's. Production issues at most five certificates a week for the same names; staging has no such
    limit."""
    solver: Literal["dns01", "http01"] = "dns01"
    """ACME challenge: dns01 creates DNS records; http01 needs hosts that are open to everybody."""
    replicas: int = Field(default=2, ge=1, le=5)
    """Replicas of each component of cert-manager. One is the leader, the others are standbys."""

    @property
    def trusted(self) -> bool:
        """Whether clients trust the certificates of the hosts."""
        return self.issuer == "production"
