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
MAX_BYTES = int(os.environ.get("MAX_BYTES", str(1024**3)))
ROTATED_FILES = int(os.environ.get("ROTATED_FILES", "8"))
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
        print(f"sent SIGHUP to {SERVER} ({process})", flush=True)


def certificate() -> bytes | None:
    with contextlib.suppress(OSError):
        return CERTIFICATE.read_bytes()
    return None


def rotated() -> bool:
    """Rotate the log if it is large, and delete the oldest files. Returns whether it was rotated."""
    if not LOG.exists() or LOG.stat().st_size < MAX_BYTES:
        return False
    LOG.rename(LOG.with_name(f"{LOG.name}.{time.time_ns()}"))
    files = sorted(LOG.parent.glob(f"{LOG.name}.*"))
    for old in files[:-ROTATED_FILES]:
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
