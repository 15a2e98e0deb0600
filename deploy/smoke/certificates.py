"""What certificate a host shows."""

import socket
import ssl
import time
from dataclasses import dataclass

PORT = 443
RENEWED = 14
"""Days before its end by which cert-manager has long renewed one."""


@dataclass(frozen=True)
class Certificate:
    text: str
    days: float
    wrong: bool


def certificate(host: str, until: float, port: int = PORT, trusted: str | None = None) -> Certificate:
    """The certificate of a host, verified as any client does it, or by the PEM of its own authority."""
    left = max(until - time.monotonic(), 0.1)
    context = ssl.create_default_context(cadata=trusted)
    try:
        with (
            socket.create_connection((host, port), timeout=min(10, left)) as plain,
            context.wrap_socket(plain, server_hostname=host) as encrypted,
        ):
            shown = encrypted.getpeercert() or {}
    except ssl.SSLCertVerificationError as failed:
        return Certificate(f"{host}: {failed.verify_message}", 0, wrong=True)
    except OSError as failed:
        return Certificate(f"{host}: {failed}", 0, wrong=True)
    days = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / 86400
    text = f"{host} in {days:.0f} days"
    return Certificate(text if days > RENEWED else f"{text}: it was not renewed", days, wrong=days <= RENEWED)
