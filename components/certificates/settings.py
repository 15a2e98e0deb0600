"""What a stack chooses about its certificates."""

from typing import Literal

from pydantic import Field

from components.config.model import Model
from components.config.types import Email


class CertificatesSettings(Model):
    """Certificates of the public hosts, from Let's Encrypt."""

    email: Email
    """Whom Let's Encrypt writes to, such as when a certificate has to be replaced."""
    issuer: Literal["production", "staging"] = "production"
    """Staging's certificates are trusted by nobody, nor can the program know Vault's host by them; and it
    counts none, where production signs the same names five times a week at most."""
    solver: Literal["dns01", "http01"] = "dns01"
    """How a name is proven: by a record in its zone, or by an answer at the host. The latter needs hosts
    that everybody reaches."""
    replicas: int = Field(default=2, ge=1, le=5)
    """Of each part of cert-manager; one works, the others wait."""

    @property
    def trusted(self) -> bool:
        """Whether clients can verify the hosts by their certificates."""
        return self.issuer == "production"
