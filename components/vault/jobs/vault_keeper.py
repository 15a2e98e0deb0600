"""Sidecar of each Vault server: sends SIGHUP after a renewal of the certificate, and rotates the audit log.

Vault reopens both on SIGHUP only. With a full audit disk it would stop answering. Standard library only.
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
    """Process ids of the server. The pod's containers share a process namespace."""
    for entry in PROCESSES.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has exited
                if (entry / "comm").read_text().strip() == SERVER:
                    yield int(entry.name)


def reload() -> None:
    for process in servers():
        with contextlib.suppress(ProcessLookupError):  # it has exited
            os.kill(process, signal.SIGHUP)
        print(f"told {SERVER} ({process}) to read its files anew", flush=True)


def certificate() -> bytes | None:
    with contextlib.suppress(OSError):
        return CERTIFICATE.read_bytes()
    return None


def rotated() -> bool:
    """Rotate the log if it is large, and delete the oldest. Whether it was rotated."""
    if not LOG.exists() or LOG.stat().st_size < LARGEST:
        return False
    LOG.rename(LOG.with_name(f"{LOG.name}.{time.time_ns()}"))
    aside = sorted(LOG.parent.glob(f"{LOG.name}.*"))
    for old in aside[:-KEPT]:
        old.unlink()
    return True


def main() -> None:
    seen = None  # signal once at start: an earlier keeper may have missed a renewal
    while True:
        time.sleep(float(os.environ.get("PAUSE_SECONDS", "30")))
        now = certificate()
        changed = now is not None and now != seen
        if changed:
            seen = now
        if rotated() or changed:
            reload()


if __name__ == "__main__":
    main()
