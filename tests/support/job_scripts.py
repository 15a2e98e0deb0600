"""How the scripts of Jobs are tried: as programs, against a server whose answers are a function."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

ROOT = Path(__file__).parents[2]
KILLED = 137
# Kills a script after so many requests that change something; 0 never does.
KILLING = """\
import os, runpy, sys
import calls
left, once = int(sys.argv[1]) or -1, calls.Server.once
def counted(self, method, path, body=None):
    global left
    answer = once(self, method, path, body)
    left -= method != "GET" and "/renew/" not in path
    if left == 0:
        print("KILLED after", method, path.partition("?")[0], flush=True)
        os._exit(137)
    return answer
calls.Server.once = counted
"""
# Runs a script in real time, beside real servers.
KILLER = KILLING + 'runpy.run_path(sys.argv[2], run_name="__main__")\n'
# Runs a script on a clock of its own, on which waiting takes no time.
LAUNCHER = (
    KILLING
    + """\
import types
now = 0.0
def sleep(seconds):
    global now
    now += seconds
calls.time = types.SimpleNamespace(monotonic=lambda: now, sleep=sleep)
calls.DEADLINE = float(os.environ["PATIENCE_SECONDS"])
if sys.argv[3:]:
    exec(sys.argv[3])
else:
    runpy.run_path(sys.argv[2], run_name="__main__")
"""
)


def script_file(name: str) -> Path:
    """The script of that name, in the package of its component."""
    [found] = (ROOT / "components").glob(f"*/jobs/{name}")
    return found


def answer_by(server: HTTPServer, answer: Callable[[Request], tuple[int, Any]]) -> None:
    """Have `server` answer whatever is asked by a code and what is to be JSON; None is nothing."""

    def respond(request: Request) -> Response:
        code, body = answer(request)
        return Response("" if body is None else json.dumps(body), code, content_type="application/json")

    server.expect_request(re.compile(".*")).respond_with_handler(respond)


class Script:
    """A Job's pod: its files, its secrets and its environment."""

    def __init__(self, name: str, folder: Path, secrets: Mapping[str, str], **environment: str) -> None:
        self.name, self.folder, self.secrets = name, folder, secrets
        for script in (name, "calls.py"):
            shutil.copy(script_file(script), folder)
        for file, text in {**secrets, "launcher.py": LAUNCHER}.items():
            (folder / file).write_text(text)
        self.environment = {
            "PATH": "",
            "SECRETS": str(folder),
            "PATIENCE_SECONDS": "200",
            "PAUSE_SECONDS": "1",
        } | environment

    def __call__(
        self, *, kill_after: int = 0, code: str = "", **changes: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it, or `code` beside it; no secret may be in what it says.

        It is killed after so many requests that change something, where some are said.
        """
        argv = ["launcher.py", str(kill_after), self.name, *([code] if code else [])]
        done = subprocess.run(
            [sys.executable, "-B", *argv],
            cwd=self.folder,
            env=self.environment | changes,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        for name, word in self.secrets.items():
            assert word not in done.stdout + done.stderr, name
        return done
