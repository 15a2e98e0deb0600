"""What the Jobs' scripts share: HTTP with JSON, patience, and words for the log. Standard library only."""

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
"""When waiting ends; the Job starts another pod then."""
TIMEOUT = 30
NOT_FOUND = 404
PASSING = (408, 425, 429, 472, 473, 500, 501, 502, 503, 504)
"""What a server answers while it starts, is sealed, elects a leader or is too busy."""
REFUSED = 42
"""With this exit code the Job is not tried again: only a person can go on."""


class RefusedError(Exception):
    """A server's answer that says no."""

    def __init__(self, what: str, status: int, text: str = "") -> None:
        super().__init__(f"{what}: {status} {text}".strip())
        self.status = status


def say(text: str) -> None:
    print(text, flush=True)


def refuse(why: str, runbook: str) -> NoReturn:
    """End, and do not try again."""
    say(f"REFUSED: {why}. Nothing was changed. See docs/runbooks/{runbook}")
    raise SystemExit(REFUSED)


def secret(name: str) -> str:
    """A secret that the Job was given, by its key."""
    return (Path(os.environ.get("SECRETS", "/secrets")) / name).read_text(encoding="utf-8").strip()


def trust(url: str) -> ssl.SSLContext | None:
    """Verify a server by the platform's CA."""
    if not url.startswith("https:"):
        return None
    return ssl.create_default_context(cafile=os.environ.get("CA_FILE", "/ca/ca.crt"))


class Server:
    """A server, spoken to in JSON with some headers."""

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.headers = dict(headers or {})
        self.context = context
        self.told = ""

    def once(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the answer, or RefusedError or OSError. Neither says what was sent."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        form = isinstance(body, bytes)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        request = urllib.request.Request(
            f"{self.url}{path}", data, {"Content-Type": kind, **self.headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=self.context) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")[:300]
            raise RefusedError(f"{method} {path.partition('?')[0]}", error.code, reason) from None
        return json.loads(text) if text.strip() else None

    def call(self, method: str, path: str, body: Any = None, also: Sequence[int] = ()) -> Any:
        """As `once`, again and again while the server is not ready for it (or answers one of `also`)."""
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
        """Give the server a moment; raise `error` when it has had enough of them."""
        if time.monotonic() > DEADLINE:
            raise error
        if problem != self.told:
            say(f"waiting: {problem}")
        self.told = problem
        time.sleep(float(os.environ.get("PAUSE_SECONDS", "2")))

    def found(self, method: str, path: str, body: Any = None) -> Any:
        """As `call`; None where there is no such thing."""
        try:
            return self.call(method, path, body)
        except RefusedError as error:
            if error.status == NOT_FOUND:
                return None
            raise
