"""The certificate that a host serves."""

import socket
import ssl
import time
from dataclasses import dataclass

PORT = 443
RENEWED = 14
"""Days before the expiry by which cert-manager has long renewed a certificate."""


@dataclass(frozen=True)
class Certificate:
    """What a client sees of a certificate."""

    text: str
    days: float
    wrong: bool


def certificate(host: str, until: float, port: int = PORT, trusted: str | None = None) -> Certificate:
    """The certificate of a host, verified by the system's CAs or by those in `trusted` (PEM)."""
    context = ssl.create_default_context(cadata=trusted)
    try:
        with (
            socket.create_connection(
                (host, port), timeout=max(0.1, min(10, until - time.monotonic()))
            ) as plain,
            context.wrap_socket(plain, server_hostname=host) as encrypted,
        ):
            shown = encrypted.getpeercert() or {}
    except OSError as failed:
        return Certificate(f"{host}: {getattr(failed, 'verify_message', failed)}", 0, wrong=True)
    days = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / 86400
    text = f"{host} in {days:.0f} days" + ("" if days > RENEWED else ": it was not renewed")
    return Certificate(text, days, wrong=days <= RENEWED)
