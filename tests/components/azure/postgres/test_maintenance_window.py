"""The second request for the database's maintenance window, and for what a restore leaves out."""

import asyncio
import http.server
import json
import threading

import pytest

from components.azure.postgres import maintenance_window

WINDOW = {"customWindow": "Enabled", "dayOfWeek": 0, "startHour": 2, "startMinute": 0}


def finished(coroutine):
    """Its result, by a loop of its own: `asyncio.run` would take away the one that other tests use."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


@pytest.fixture
def statuses():
    """What Azure says of the operation's progress, in order."""
    return []


@pytest.fixture
def requests(monkeypatch, statuses):
    """What a server behind the Resource Manager's address is asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PATCH(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(202)
            self.send_header("Azure-AsyncOperation", f"http://127.0.0.1:{self.server.server_port}/operation")
            self.end_headers()

        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"], None))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": statuses.pop(0)}).encode())

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


def test_the_next_step_waits_until_azure_has_finished(requests, statuses, monkeypatch):
    """A standby takes minutes, and meanwhile Azure refuses every other operation on the server."""
    monkeypatch.setattr(maintenance_window, "POLL", 0.01)
    statuses += ["InProgress", "InProgress", "Succeeded"]
    operation = maintenance_window.patch("/servers/database", {}, "token")
    finished(maintenance_window._done(operation, "token"))
    assert [path for path, *_ in requests[1:]] == ["/operation"] * 3
    assert statuses == []


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_an_update_that_azure_gives_up_fails_the_creation(requests, statuses, status):
    statuses.append(status)
    operation = maintenance_window.patch("/servers/database", {}, "token")
    with pytest.raises(OSError, match=status):
        finished(maintenance_window._done(operation, "token"))


INPUTS = {
    "maintenanceWindow": WINDOW,
    "administratorLoginPassword": "secret",
    "highAvailability": {"mode": "SameZone"},
}


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        ("Default", {"maintenanceWindow"}),
        ("PointInTimeRestore", {"maintenanceWindow", "administratorLoginPassword", "highAvailability"}),
    ],
)
def test_a_restored_server_also_gets_todays_password_and_its_standby(mode, keys):
    """A restore takes the backup's password and makes no standby (terraform-provider-azurerm#18253)."""
    left = finished(maintenance_window.left_out(INPUTS | {"createMode": mode}))
    assert left == {key: INPUTS[key] for key in keys}
