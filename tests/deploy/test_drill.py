"""The restore drill: what it asks Azure and the cluster for, and that it deletes nothing but its own things.

The answers follow Azure's Resource Manager and Kubernetes' API. A real recovery is in
tests/conformance/test_restore.py.
"""

import json
import os
import re
import signal

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from werkzeug import Response

from components.settings import validate
from deploy.drill import JOBS, TAG, Drill, own
from deploy.stack_file import RefusedError
from tests.support.recorder import stack_config

SUBSCRIPTION = "/subscriptions/6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"
SOURCE = (
    f"{SUBSCRIPTION}/resourceGroups/stateful/providers/Microsoft.DBforPostgreSQL/flexibleServers/database1"
)
NETWORK = {
    "publicNetworkAccess": "Disabled",
    "delegatedSubnetResourceId": "/subnet",
    "privateDnsZoneArmResourceId": "/zone",
}
KEY = "the-32-characters-of-concourse-x"
WINDOW = {"customWindow": "Enabled", "dayOfWeek": 0, "startHour": 2, "startMinute": 0}
ROLE = {
    "containers": [
        {"name": "psql", "image": "postgres@sha256:1", "command": ["sh", "-c", "psql"],
         "env": [{"name": "PGHOST", "value": "database1.postgres.database.azure.com"},
                 {"name": "ROLE", "value": "concourse"}],
         "envFrom": [{"secretRef": {"name": "database-role"}}]}
    ]
}  # fmt: skip


def row(key=KEY):
    nonce = os.urandom(12)
    return f"{AESGCM(key.encode()).encrypt(nonce, b'{}', None).hex()}|{nonce.hex()}|2026-11-25 03:58:00+00\n"


class Cloud:
    """Resource groups, a restored server, and the Job's end; requests in their order."""

    def __init__(self, httpserver, monkeypatch):
        self.base, self.asked, self.bodies = httpserver.url_for("").rstrip("/"), [], {}
        self.groups, self.status, self.log, self.ready = {}, {"succeeded": 1}, row(), "Ready"

        def answer(request):
            path, body = request.path, request.get_json(silent=True)
            self.asked.append(f"{request.method} {path}")
            if body is not None:
                self.bodies[self.asked[-1]] = body
            found = self._answer(request.method, path, body)
            if found is None:
                return Response(status=404)
            return Response(found if isinstance(found, str) else json.dumps(found))

        httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
        monkeypatch.setenv("AZURE_RESOURCE_MANAGER", self.base)

    def _answer(self, method, path, body):
        name = path.rpartition("/")[2]
        if path.startswith(f"{SUBSCRIPTION}/resourceGroups/") and "/providers/" not in path:
            return self._group(method, name, body)
        fixed = {
            SOURCE: {"location": "westeurope", "tags": {"env": "prod"}, "properties": {"network": NETWORK}},
            f"{SUBSCRIPTION}/resourcegroups": {"value": [{"name": each} for each in self.groups]},
            f"{JOBS}/database-role": {"spec": {"template": {"spec": ROLE}}},
        }
        ends = {"/log": self.log, "/pods": {"items": [{"metadata": {"name": "pod"}}]}}
        ends |= {f"/flexibleServers/{name}": {"properties": {"state": self.ready}}}
        if path in fixed:
            return fixed[path]
        return next((found for end, found in ends.items() if path.endswith(end)), {"status": self.status})

    def _group(self, method, name, body):
        if method == "PUT":
            self.groups[name] = body["tags"]
        if method == "DELETE":
            self.groups.pop(name)
            return {}
        return {"tags": self.groups[name]} if name in self.groups else None

    def drill(self):
        token = json.dumps({"status": {"token": "t"}})
        access = {
            "clusters": [{"cluster": {"server": self.base, "certificate-authority-data": ""}}],
            "users": [{"user": {"exec": {"command": "sh", "args": ["-c", f"echo '{token}'"]}}}],
        }
        settings = validate(stack_config("prod"), "prod")
        resources = [
            {"type": "azure-native:dbforpostgresql:Server", "id": SOURCE, "urn": "u",
             "inputs": {"maintenanceWindow": WINDOW}},
            {"type": "pulumi:providers:kubernetes", "urn": "k", "inputs": {"kubeconfig": json.dumps(access)}},
            {"type": "random:index/randomPassword:RandomPassword",
             "urn": "urn::random:index/randomPassword:RandomPassword::concourse-encryption-2026-11",
             "outputs": {"result": KEY}},
        ]  # fmt: skip
        self.said = []
        return Drill("prod", settings, resources, say=self.said.append, sleep=lambda _: None)


@pytest.fixture
def cloud(httpserver, monkeypatch):
    return Cloud(httpserver, monkeypatch)


def test_a_drill_restores_beside_reads_decrypts_and_deletes(cloud):
    one = cloud.drill()
    one.run()
    assert cloud.groups == {}
    server = cloud.bodies[f"PUT {one.server}"]["properties"]
    assert server["createMode"] == "PointInTimeRestore"
    assert server["sourceServerResourceId"] == SOURCE
    assert server["network"] == NETWORK
    [container] = cloud.bodies[f"POST {JOBS}"]["spec"]["template"]["spec"]["containers"]
    assert container["env"][0]["value"] == f"{one.name}.postgres.database.azure.com"
    assert [line.split(" ")[0] for line in cloud.said] == ["restored", "read", "deleted"]
    assert "2026-11-25 03:58" in cloud.said[1]
    assert not any(each.startswith(("PUT", "DELETE")) and "stateful" in each for each in cloud.asked)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"status": {"failed": 1}}, "could not be read"),
        ({"log": ""}, "has no pipeline smoke"),
        ({"log": row("another-key-of-32-characters-xxx")}, "no encryption key of prod opens"),
        ({"ready": "Provisioning"}, "not done within 120 minutes"),
        ({"status": {}}, "not done within 12 minutes"),
    ],
)
def test_a_failed_drill_says_why_and_deletes_what_it_made(cloud, fault, text):
    vars(cloud).update(fault)
    one = cloud.drill()
    with pytest.raises(RefusedError, match=text):
        one.run()
    assert cloud.groups == {}
    assert f"DELETE {one.group}" in cloud.asked
    assert (f"DELETE {JOBS}/{one.name}" in cloud.asked) == (f"POST {JOBS}" in cloud.asked)


def test_a_drill_that_concourse_ends_deletes_what_it_made(cloud):
    one = cloud.drill()
    cloud.ready = "Provisioning"
    one.sleep = lambda _: os.kill(os.getpid(), signal.SIGTERM)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        one.run()
    assert ended.value.code == 128 + signal.SIGTERM
    assert cloud.groups == {}
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_next_drill_deletes_what_a_killed_one_left_and_not_what_runs(cloud):
    one = cloud.drill()
    running = one.name[:-1] + str((int(one.name[-1]) + 1) % 10)
    cloud.groups = {"drill-prod-202511250400": {TAG: "prod"}, running: {TAG: "prod"}}
    one.sweep()
    assert list(cloud.groups) == [running]


@pytest.mark.parametrize(
    "name",
    [
        "stateful",
        "drill-prod",
        "drill-staging-202611250400",
        "drill-prod-202611250400x",
        "drill-prod-202611250400/../stateful",
    ],
)
def test_nothing_but_a_throw_away_of_the_stack_is_deleted(cloud, name):
    one = cloud.drill()
    cloud.groups = {name: {TAG: "prod"}}
    with pytest.raises(RefusedError, match="is no throw-away"):
        one.delete(name)
    with pytest.raises(RefusedError, match="is no throw-away"):
        one.sweep()
    assert not any(each.startswith("DELETE") for each in cloud.asked)
    assert own("drill-prod-202611250400", "prod")


def test_a_group_without_the_tag_is_not_deleted(cloud):
    one = cloud.drill()
    cloud.groups = {"drill-prod-202611250400": {"owner": "ann"}}
    with pytest.raises(RefusedError, match=f"no tag {TAG}=prod"):
        one.delete("drill-prod-202611250400")
    assert "drill-prod-202611250400" in cloud.groups
