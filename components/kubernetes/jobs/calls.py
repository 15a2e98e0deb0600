"""Shared by the scripts of Jobs: JSON over HTTP with retries, and log lines. Standard library only."""

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

DEADLINE = time.monotonic() + float(os.environ.get("PATIENCE_SECONDS", "600"))
"""When retries end. The script then fails, and its Job too."""
TIMEOUT = 30
NOT_FOUND = 404
PASSING = (408, 425, 429, 472, 473, 500, 501, 502, 503, 504)
"""Status codes of a server that is starting, sealed, electing a leader or overloaded."""
REFUSED = 42
"""Exit code of a script that would fail again: somebody has to act first."""


class RefusedError(Exception):
    """A response with an error code."""

    def __init__(self, what: str, status: int, text: str = "") -> None:
        super().__init__(f"{what}: {status} {text}".strip())
        self.status = status


def say(text: str) -> None:
    print(text, flush=True)


def refuse(why: str, runbook: str) -> NoReturn:
    """Exit because of something that only a person can mend."""
    say(f"REFUSED: {why}. Nothing was changed. See docs/runbooks/{runbook}")
    raise SystemExit(REFUSED)


def secret(name: str) -> str:
    """A value of the Job's Secret, by its key."""
    return (Path(os.environ.get("SECRETS", "/secrets")) / name).read_text(encoding="utf-8").strip()


def trust(url: str) -> ssl.SSLContext | None:
    """A TLS context that trusts the internal CA; None for plain HTTP."""
    if not url.startswith("https:"):
        return None
    return ssl.create_default_context(cafile=os.environ.get("CA_FILE", "/ca/ca.crt"))


class Server:
    """A JSON API, called with the same headers each time."""

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.headers = dict(headers or {})
        self.context = context
        self.last_problem = ""

    def once(self, method: str, path: str, body: Any = None) -> Any:
        """One request. Raises RefusedError or OSError; neither message contains the request."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        form = isinstance(body, bytes)
        content_type = "application/x-www-form-urlencoded" if form else "application/json"
        request = urllib.request.Request(
            f"{self.url}{path}", data, {"Content-Type": content_type, **self.headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self.context) as response:
                return self.content(response.read())
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")[:300]
            raise RefusedError(f"{method} {path.partition('?')[0]}", error.code, reason) from None

    def content(self, answer: bytes) -> Any:
        return json.loads(answer) if answer.strip() else None

    def call(self, method: str, path: str, body: Any = None, also: Sequence[int] = ()) -> Any:
        """Like `once`, with retries while the server is not ready or returns a status in `also`."""
        while True:
            try:
                return self.once(method, path, body)
            except RefusedError as error:
                if error.status not in (*PASSING, *also):
                    raise
                self.wait(f"{self.url} answers {error.status}", error)
            except OSError as error:
                self.wait(f"{self.url} does not answer: {getattr(error, 'reason', error)}", error)

    def wait(self, problem: str, error: Exception) -> None:
        """Pause before a retry; raise `error` after the deadline."""
        if time.monotonic() > DEADLINE:
            raise error
        if problem != self.last_problem:
            say(f"waiting: {problem}")
        self.last_problem = problem
        time.sleep(float(os.environ.get("PAUSE_SECONDS", "2")))

    def found(self, method: str, path: str, body: Any = None) -> Any:
        """Like `call`, but None for 404."""
        try:
            return self.call(method, path, body)
        except RefusedError as error:
            if error.status == NOT_FOUND:
                return None
            raise


class Files(Server):
    """A server of files."""

    def content(self, answer: bytes) -> bytes:
        return answer


def kubernetes(content_type: str = "application/json") -> Server:
    """The API server, with the Job's service account."""
    account = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
    token = (account / "token").read_text(encoding="utf-8")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
    if address := os.environ.get("KUBERNETES_URL"):
        return Server(address, headers)
    context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    return Server(f"https://{host}:{port}", headers, context)
