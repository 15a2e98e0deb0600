"""The SCRAM verifier that PostgreSQL stores instead of a password (RFC 5802, RFC 7677)."""

import base64
import hashlib
import hmac

ITERATIONS = 4096
"""PostgreSQL's default."""


def verifier(password: str) -> str:
    """The verifier for `ALTER ROLE … PASSWORD`, which keeps the password out of statements and server logs.

    The salt is derived from the password, so that the result is the same at every run. The password is long
    and random, so precomputed tables are no use against it.
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
