"""Root certificates for verifying connections to Azure Database for PostgreSQL."""

import hashlib
import re
import ssl
from pathlib import Path

ROOTS = frozenset({
    # DigiCert Global Root G2 and Microsoft RSA Root Certificate Authority 2017. A server uses either one.
    "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f",
    "c741f70f4b2a8d88bf2e71c14122ef53ef10eba0cfa5e64cfa20f418853073e0",
})  # fmt: skip
"""SHA-256 of the root certificates (learn.microsoft.com/azure/postgresql/security/security-tls)."""
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def postgres_roots(
    file: Path = Path(__file__).parent / "azure-postgres-roots.pem",
) -> str:
    """The root certificates as PEM. They are public and deliberately not marked as secret."""
    certificates = _CERTIFICATE.findall(file.read_text(encoding="ascii"))
    found = {hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() for pem in certificates}
    if found != ROOTS:
        raise ValueError(f"{file.name} must hold the two certificates of ROOTS; it holds {sorted(found)}")
    return "".join(certificates)
