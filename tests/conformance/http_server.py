"""A real server on loopback, spoken to in JSON."""

from http import HTTPStatus
from typing import Any

import requests

from rehearsal.store import RefusedError


class NotFoundError(RefusedError):
    """The server has no such thing."""


class Server:
    """One server, whose certificate is by `ca`; `headers` go with every request."""

    def __init__(self, url: str, ca: str, **headers: str) -> None:
        self.url, self.session = url, requests.Session()
        self.session.verify, self.session.trust_env = ca, False
        self.session.headers.update(headers)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Its answer, unless it refuses: then its own words."""
        answer = self.session.request(method, self.url + path, json=body, timeout=60, **more)
        if not answer.ok:
            error = NotFoundError if answer.status_code == HTTPStatus.NOT_FOUND else RefusedError
            raise error(f"{answer.status_code} {answer.reason}", words(answer))
        return answer.json() if answer.content else {}


def words(answer: requests.Response) -> str:
    """Why not, as Kubernetes or Vault says it."""
    try:
        said = answer.json()
        return str(said.get("message") or "; ".join(said["errors"]))
    except (ValueError, KeyError):
        return answer.text.strip()
