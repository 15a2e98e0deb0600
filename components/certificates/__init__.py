"""cert-manager, Let's Encrypt's issuers and the internal CA."""

from components.certificates.acme import AcmeIssuers
from components.certificates.cert_manager import CertManager
from components.certificates.internal_ca import InternalCA, ca_bundle, server_certificate
from components.certificates.settings import CertificatesSettings

__all__ = [
    "AcmeIssuers",
    "CertManager",
    "CertificatesSettings",
    "InternalCA",
    "ca_bundle",
    "server_certificate",
]
