"""What PostgreSQL keeps of a password instead of the password (RFC 5802, RFC 7677)."""

import base64
import hashlib
import hmac

ITERATIONS = 4096
"""As PostgreSQL's own."""


def verifier(password: str) -> str:
    """For `ALTER ROLE … PASSWORD`: with it no statement and no server log ever has the password.

    The salt comes of the password, so that the same one gives the same text at every run. It is long and
    random, so nobody has a table for it.
    """
    salt = hashlib.sha256(b"salt of " + password.encode()).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored = hashlib.sha256(_mac(salted, b"Client Key")).digest()
    server = _mac(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
