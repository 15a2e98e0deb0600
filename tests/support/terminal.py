"""Commands under a terminal, as Concourse runs each task."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

SIZE = 500, 500
TERM = "dumb"
"""Size and type of a task's terminal (atc/exec/task_step.go of Concourse 8.2.5)."""
PAGER = '#!/bin/sh\ncat\nprintf "(END)"\nread -r key </dev/tty\n'
"""Waits for a key at the end, as `more` does, and `less` on a terminal of type dumb."""


def run_in_terminal(
    command: list[str | Path], *, cwd: Path, env: dict[str, str], seconds: float, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command under a terminal on which nobody types, or `typed`. Its output, errors too, is `stdout`.

    Raises TimeoutExpired, with the output so far, if it takes longer than `seconds`.
    """
    tools = cwd / ".pager"
    tools.mkdir(exist_ok=True)
    for name in ("pager", "less", "more"):
        (tools / name).write_text(PAGER)
        (tools / name).chmod(0o755)
    env = env | {"TERM": TERM, "PATH": f"{tools}:{env['PATH']}"}
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(cwd)
            os.execvpe(command[0], [str(each) for each in command], env)
        finally:
            os._exit(127)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    os.write(terminal, typed.encode())
    output, end = b"", time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0:
            os.killpg(pid, signal.SIGKILL)  # pty.fork made it a session of its own
            os.waitpid(pid, 0)
            raise subprocess.TimeoutExpired(command, seconds, output.decode(errors="replace"))
        if not select.select([terminal], [], [], min(left, 1))[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # Linux: the last process has closed the terminal
            read = b""
        if not read:
            break
        output += read
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = output.decode(errors="replace").replace("\r\n", "\n")
    return subprocess.CompletedProcess(command, status, text, "")
