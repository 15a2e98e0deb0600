"""A server with the part of Elasticsearch's API that ElastAlert2 uses, and one that takes messages to Slack.

It knows two data streams with the mapping that our Job creates. A query is answered from documents in memory.
"""

import json
import runpy
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from components.logging.users import AUDIT, CONTAINERS
from tests.support.recorder import ROOT

Document = Mapping[str, Any]
JOBS = ROOT / "components"


def mapped() -> frozenset[str]:
    """Fields of the mapping that our Job writes, from its script."""
    sys.path.insert(0, str(JOBS / "kubernetes" / "jobs"))  # as in a Job's ConfigMap
    try:
        script = runpy.run_path(str(JOBS / "logging" / "jobs" / "elasticsearch.py"))
    finally:
        del sys.path[0]
    return frozenset(script["template"](CONTAINERS, 1, "30d")["template"]["mappings"]["properties"])


class Search:
    """The state of a test: documents by stream, and what was asked and sent."""

    def __init__(self, documents: Mapping[str, list[Document]]) -> None:
        self.documents = {CONTAINERS: [], AUDIT: [], **documents}
        self.asked: list[tuple[str, Any]] = []
        """Stream and query of each search."""
        self.messages: list[Any] = []
        """Bodies sent to Slack."""
        self.unknown: list[str] = []
        """Requests that this server does not know."""

    def found(self, stream: str, query: Any) -> list[Document]:
        """The documents that match, oldest first."""
        self.asked.append((stream, query))
        matching = [each for each in self.documents[stream] if matches(each, query)]
        return sorted(matching, key=lambda each: each["@timestamp"])


def value(document: Document, path: str) -> list[Any]:
    """The values of a field, as of a keyword or below a flattened object: of a list each element."""
    at: Any = document
    for key in path.split("."):
        at = at.get(key) if isinstance(at, Mapping) else None
    return at if isinstance(at, list) else [] if at is None else [at]


def matches(document: Document, query: Any) -> bool:
    """Whether a document matches a query of the kinds that our rules use. Others are an error."""
    [(kind, asked)] = query.items()
    if kind == "match_all":
        return True
    if kind == "bool":
        return all(
            matches(document, each)
            for occurrence, clauses in asked.items()
            if occurrence in {"filter", "must"}
            for each in (clauses if isinstance(clauses, list) else [clauses])
        )
    [(path, wanted)] = asked.items()
    if kind == "range":
        [time] = value(document, path)
        return instant(wanted["gt"]) < instant(time) <= instant(wanted["lte"])
    if kind == "term":
        return wanted in value(document, path)
    if kind == "prefix":
        return any(str(each).startswith(wanted) for each in value(document, path))
    raise AssertionError(f"a rule uses the query {kind}")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def answer(state: Search, path: str, body: Any) -> Any:
    """The answer to a POST or PUT, or None if this server does not know the request."""
    stream, _, action = path.partition("?")[0].strip("/").partition("/")
    if stream == "slack":
        state.messages.append(body)
        return {}
    if stream.startswith("elastalert"):  # what ElastAlert2 remembers
        return {"hits": {"total": {"value": 0}, "hits": []}, "_id": "1"}
    if stream not in state.documents or action not in {"_search", "_count"}:
        return None
    found = state.found(stream, body["query"])
    hits = [{"_id": str(number), "_index": stream, "_source": each} for number, each in enumerate(found)]
    return {"count": len(hits), "hits": {"total": {"value": len(hits)}, "hits": hits}, "_scroll_id": "1"}


def handler(state: Search) -> type[BaseHTTPRequestHandler]:
    """Elasticsearch below `/`, and Slack at `/slack`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.say({"version": {"number": "9.5.0"}} if self.path == "/" else {})

        def do_HEAD(self) -> None:
            self.say({})

        def do_DELETE(self) -> None:
            self.say({})

        def do_PUT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            said = answer(state, self.path, json.loads(self.rfile.read(length) or "{}"))
            if said is None:
                state.unknown.append(f"{self.command} {self.path}")
            self.say(said or {}, 404 if said is None else 200)

        def say(self, body: Any, status: int = 200) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing to the terminal."""

    return Handler


@contextmanager
def serving(state: Search, host: str) -> Iterator[int]:
    """The port of the server until the end of the block."""
    server = ThreadingHTTPServer((host, 0), handler(state))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
