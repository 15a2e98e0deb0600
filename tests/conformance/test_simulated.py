"""A real API server refuses the requests that the simulated one refuses by the API server's rules."""

import pytest

from tests.conformance.cluster import pods
from tests.rehearsal.test_failures import BY_NAME, changed, flat

BY_SERVER = {
    "object-in-a-namespace-that-does-not-exist": 'namespaces "{namespace}" not found',
    "mount-of-a-volume-that-the-pod-does-not-have": "volumeMounts[0].name: Not found",
    "privileged-pod": "privileged (container",
    "privileged-pod-that-cannot-become-more": "cannot set `allowPrivilegeEscalation` to false",
    "pod-that-runs-as-root": "runAsNonRoot != true",
    "pod-without-a-seccomp-profile": "seccompProfile",
    "pod-with-all-capabilities": "unrestricted capabilities",
    "pod-that-can-become-more": "allowPrivilegeEscalation != false",
    "pod-with-the-nodes-files": "restricted volume types",
    "pod-with-the-nodes-files-where-little-is-refused": "hostPath volumes",
    "pod-in-the-nodes-network": "host namespaces",
    "pod-with-a-priority-that-does-not-exist": "no PriorityClass with name high was found",
    "storage-class-that-keeps-what-it-has": "field is immutable",
    "service-account-that-is-there": "already exists",
}
"""Row of rehearsal/failures.yaml: the message. Kubelet, controllers and charts refuse the other rows."""


def asked(row):
    """The type of a row's request."""
    made = {item.get("as"): item["type"] for item in flat(row.get("given", []))}
    return made[row["update"]] if "update" in row else row.get("create", {"type": ""})["type"]


ROWS = [
    name
    for name, row in BY_NAME.items()
    if (type_ := asked(row)).startswith("kubernetes:")
    and "helm.sh" not in type_
    and "cert-manager" not in type_
]


class Row:
    """One row on a server, in a namespace of its own."""

    def __init__(self, name, judge):
        self.name, self.row, self.judge = name, BY_NAME[name], judge

    def manifest(self, item, inputs=None):
        _, version, kind = item["type"].split(":")
        version = version.removeprefix("core/")
        _, namespaced = self.judge.kinds[version, kind]
        inputs = inputs or item["inputs"]
        mine = {"namespace": self.name} if namespaced else {"name": self.name}
        return {"apiVersion": version, "kind": kind, **inputs, "metadata": inputs["metadata"] | mine}

    def begin(self):
        """Create the row's given objects."""
        for item in flat(self.row.get("given", [])):
            if item["type"].startswith("kubernetes:"):
                assert not (said := self.judge.create(self.manifest(item))), said

    def fault(self):
        """The server's answer to each of the row's requests, and to their pods."""
        if "update" in self.row:
            made = next(item for item in flat(self.row["given"]) if item.get("as") == self.row["update"])
            changes = self.row["to"] if isinstance(self.row["to"], list) else [self.row["to"]]
            for change in changes:
                yield self.judge.apply(self.manifest(made, changed(made["inputs"], change)), dryRun="All")
            return
        made = self.row["create"]
        manifest = self.manifest(made, changed(made["inputs"], self.row.get("with")))
        wanted = [manifest, *pods([manifest])]
        yield next(filter(None, (self.judge.create(each, dryRun="All") for each in wanted)), "")


@pytest.mark.parametrize("name", ROWS)
def test_a_real_api_server_refuses_the_same_requests(judge, name):
    row = Row(name, judge)
    row.begin()
    words = BY_SERVER.get(name, "").format(namespace=name)
    for said in row.fault():
        assert words in said if words else not said, said


def test_every_listed_refusal_belongs_to_a_row():
    assert BY_SERVER.keys() <= set(ROWS)
