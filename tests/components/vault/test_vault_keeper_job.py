"""The sidecar of each Vault server: it signals the server, at the right times, and no other process."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.support.job_scripts import script_file

SERVER = """\
import pathlib, signal, sys
signals = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGHUP, lambda *_: signals.write_text(signals.read_text() + "."))
signals.write_text("")
while True: signal.pause()
"""
PAUSE = 0.05


def eventually(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "timeout"
        time.sleep(0.01)


class Pod:
    """Files that the pod's containers share, and the processes that they see."""

    def __init__(self, folder):
        self.certificate, self.log = folder / "tls.crt", folder / "audit.log"
        self.processes, self.count = folder / "proc", folder / "count"
        self.folder = folder
        self.certificate.write_text("the first")
        self.log.write_text("a line\n")
        self.processes.mkdir()
        (self.processes / "self").mkdir()

    @property
    def signals(self):
        return len(self.count.read_text())

    def add_process(self, pid, comm):
        (self.processes / str(pid)).mkdir()
        (self.processes / str(pid) / "comm").write_text(f"{comm}\n")

    def renew(self, text):
        """Replace the file atomically, as the kubelet does."""
        new = self.folder / "new"
        new.write_text(text)
        new.replace(self.certificate)

    @property
    def rotated(self):
        return sorted(file.name for file in self.folder.glob("audit.log.*"))

    @contextmanager
    def keeper(self):
        """Run the script until the end of the block. It must not exit earlier."""
        environment = {
            "CERTIFICATE": str(self.certificate),
            "AUDIT_LOG": str(self.log),
            "MAX_BYTES": "100",
            "ROTATED_FILES": "2",
            "PROCESSES": str(self.processes),
            "PAUSE_SECONDS": str(PAUSE),
        }
        before = self.signals
        keeper = subprocess.Popen(
            [sys.executable, "-B", "-u", script_file("vault_keeper.py")], env=os.environ | environment
        )
        try:
            eventually(lambda: self.signals > before)  # it always signals once at startup
            yield
            time.sleep(3 * PAUSE)
            assert keeper.poll() is None, "it exited"
        finally:
            keeper.kill()
            keeper.wait()


@pytest.fixture
def pod(tmp_path):
    """A pod with a server, and with another process that a signal would terminate."""
    pod = Pod(tmp_path)
    with (
        subprocess.Popen([sys.executable, "-c", SERVER, pod.count]) as server,
        subprocess.Popen(["sleep", "60"]) as neighbour,
    ):
        try:
            eventually(pod.count.exists)
            pod.add_process(server.pid, "vault")
            pod.add_process(neighbour.pid, "sleep")
            yield pod
            assert neighbour.poll() is None
        finally:
            server.kill()
            neighbour.kill()


def test_a_renewed_certificate_is_signalled_once(pod):
    with pod.keeper():
        pod.renew("the second")
        eventually(lambda: pod.signals == 2)
    assert pod.signals == 2


def test_a_briefly_missing_certificate_is_not_a_new_one(pod):
    with pod.keeper():
        pod.certificate.unlink()
        time.sleep(3 * PAUSE)
        pod.renew("the first")
    assert pod.signals == 1


def test_a_renewal_while_no_keeper_ran_is_signalled(pod):
    with pod.keeper():
        pass
    pod.renew("the second")
    with pod.keeper():
        pass
    assert pod.signals == 2


def test_a_large_log_is_rotated_and_the_oldest_are_deleted(pod):
    with pod.keeper():
        for round_ in range(2, 5):
            pod.log.write_text(f"{round_}" * 100)
            eventually(lambda round_=round_: pod.signals == round_)
            assert not pod.log.exists()  # the server creates a new one
    assert [(pod.folder / name).read_text()[0] for name in pod.rotated] == ["3", "4"]


def test_a_rotation_by_a_killed_keeper_is_signalled(pod):
    """Otherwise the server keeps writing to the rotated file, whose size is not limited."""
    pod.log.rename(pod.folder / "audit.log.1")
    with pod.keeper():
        pass
    assert pod.signals == 1


def test_a_small_log_is_not_rotated(pod):
    with pod.keeper():
        pass
    assert (pod.signals, pod.rotated, pod.log.read_text()) == (1, [], "a line\n")


def test_a_terminated_server_does_not_stop_the_keeper(pod):
    gone = subprocess.Popen(["true"])
    gone.wait()
    pod.add_process(gone.pid, "vault")
    with pod.keeper():
        pod.renew("the second")
        eventually(lambda: pod.signals == 2)
