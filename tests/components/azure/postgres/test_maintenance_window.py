"""The second request for the database's maintenance window."""

import http.server
import json
import threading

import pytest

from components.azure.postgres import maintenance_window

WINDOW = {"customWindow": "Enabled", "dayOfWeek": 0, "startHour": 2, "startMinute": 0}


@pytest.fixture
def requests(monkeypatch):
    """What a server behind the Resource Manager's address is asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PATCH(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *arguments): ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("AZURE_RESOURCE_MANAGER", f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield asked
        server.shutdown()


def test_only_the_window_is_written(requests):
    maintenance_window.patch("/subscriptions/s/servers/database", {"maintenanceWindow": WINDOW}, "token")
    assert requests == [
        (
            "/subscriptions/s/servers/database?api-version=2025-08-01",
            "Bearer token",
            {"properties": {"maintenanceWindow": WINDOW}},
        )
    ]
