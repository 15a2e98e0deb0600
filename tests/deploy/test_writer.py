"""A closed terminal: the engine is told once and finishes, as on SIGTERM."""

import os
import pty
import signal
import sys
import time

from tests.support.recorder import ROOT

ENGINE = """#!/bin/sh
trap 'echo hang-up >>{log}; exit' HUP
trap 'echo terminated >>{log}; sleep 1; echo finished >>{log}; exit' TERM
echo started >>{log}
while :; do sleep 0.1; done
"""
RUN = """
import subprocess, sys
from deploy import writer
with writer.graceful_interrupts():
    subprocess.Popen([sys.argv[1]]).wait()
print("to a terminal that is gone", flush=True)
open(sys.argv[2], "a").write(f"received {writer.received}")
"""


def test_a_closed_terminal_ends_a_run_as_sigterm_does_and_kills_no_engine(tmp_path):
    log, engine = tmp_path / "log", tmp_path / "pulumi"
    engine.write_text(ENGINE.format(log=log))
    engine.chmod(0o755)
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            signal.signal(
                signal.SIGHUP, signal.SIG_DFL
            )  # ignored if the tests run under nohup, and inherited
            signal.alarm(120)  # a run that does not end is killed
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-c", RUN, str(engine), str(log)])
        finally:
            os._exit(127)
    while not log.exists():
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), os.read(terminal, 9999)
        time.sleep(0.1)
    os.close(terminal)  # the kernel sends SIGHUP to the session
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    hang_up = int(signal.SIGHUP)
    expected = ["started", "terminated", "finished", f"received [{signal.Signals(hang_up)!r}]"]
    assert (log.read_text().splitlines(), status) == (expected, 0)
