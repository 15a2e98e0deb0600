"""Beside each Vault server: tells it of its renewed certificate, and turns its audit log over.

Vault reads both anew on SIGHUP and at no other time. A full audit disk would stop it from answering.
Standard library only.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

CERTIFICATE = Path(os.environ.get("CERTIFICATE", "/vault/userconfig/tls/tls.crt"))
LOG = Path(os.environ.get("AUDIT_LOG", "/vault/audit/audit.log"))
LARGEST = int(os.environ.get("LARGEST_BYTES", str(1024**3)))
KEPT = int(os.environ.get("KEPT", "8"))
PROCESSES = Path(os.environ.get("PROCESSES", "/proc"))
SERVER = os.environ.get("SERVER", "vault")


def servers() -> Iterator[int]:
    """Process ids of the server: containers of the pod see each other's processes."""
    for entry in PROCESSES.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it went meanwhile
                if (entry / "comm").read_text().strip() == SERVER:
                    yield int(entry.name)


def tell() -> None:
    for process in servers():
        with contextlib.suppress(ProcessLookupError):  # it went meanwhile
            os.kill(process, signal.SIGHUP)
        print(f"told {SERVER} ({process}) to read its files anew", flush=True)


def certificate() -> bytes | None:
    with contextlib.suppress(OSError):
        return CERTIFICATE.read_bytes()
    return None


def turned_over() -> bool:
    """Whether the log was large enough to be put aside; the oldest go."""
    if not LOG.exists() or LOG.stat().st_size < LARGEST:
        return False
    LOG.rename(LOG.with_name(f"{LOG.name}.{time.time_ns()}"))
    aside = sorted(LOG.parent.glob(f"{LOG.name}.*"))
    for old in aside[:-KEPT]:
        old.unlink()
    return True


def main() -> None:
    seen = None  # nobody knows what the one before this told
    while True:
        time.sleep(float(os.environ.get("PAUSE_SECONDS", "30")))
        now = certificate()
        changed = now is not None and now != seen
        if changed:
            seen = now
        if turned_over() or changed:
            tell()


if __name__ == "__main__":
    main()
