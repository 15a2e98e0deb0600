"""What real clouds refuse, the rehearsed ones refuse: every row of failures.yaml, and that each fails for its reason."""

import asyncio
import copy
import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from pulumi.runtime.proto import provider_pb2

from rehearsal import azure, cloud, ground, kubernetes, provider
from rehearsal.kinds import find
from tests.recorder import ROOT

ROWS = yaml.safe_load((ROOT / "rehearsal/failures.yaml").read_text())["failures"]
BY_NAME = {row["name"]: row for row in ROWS}
SUBSCRIPTION = "5d1c7f0a-92b4-4e63-8a17-c0e4f6b2d981"
SETTINGS = {
    "platform:azure": {"subscriptionId": SUBSCRIPTION, "tenantId": "0b8e4d52-6c1f-4f7a-b3d9-7e2a9c50f164"},
    "platform:cluster": {"adminGroupObjectIds": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]},
}


class RefusedError(Exception):
    """What a request ended with."""


class Context:
    """Of a gRPC call: all that a servicer does with it."""

    async def abort(self, code, details):
        raise RefusedError(details)


class World:
    """A rehearsed cloud, and what rows ask of it through the providers' own methods."""

    def __init__(self, folder: Path) -> None:
        self.cloud = cloud.Cloud(folder)
        ground.preconditions(self.cloud, SETTINGS)
        self.providers = ground.clouds(self.cloud)
        self.made: dict[str, dict] = {}

    def ask(self, work):
        return asyncio.run(work)

    async def configure(self, package, inputs):
        request = provider_pb2.ConfigureRequest(args=provider.struct(inputs))
        await self.providers[package].Configure(request, Context())

    async def checked(self, type_, inputs, before=None):
        request = provider_pb2.CheckRequest(
            type=type_, news=provider.struct(inputs), olds=provider.struct(before or {})
        )
        answer = await self.azure.Check(request, Context())
        if answer.failures:
            raise RefusedError("; ".join(f"{f.property} {f.reason}" for f in answer.failures))
        return answer.inputs

    @property
    def azure(self):
        return self.providers["azure-native"]

    async def create(self, object_):
        type_, inputs = f"azure-native:{object_['type']}", self.filled(object_["inputs"])
        checked = await self.checked(type_, inputs)
        request = provider_pb2.CreateRequest(type=type_, properties=checked)
        answer = await self.azure.Create(request, Context())
        made = {"type": type_, "inputs": checked, "id": answer.id, "is": provider.plain(answer.properties)}
        self.made[object_.get("as", answer.id)] = made

    async def update(self, name, to):
        made = self.made[name]
        before = provider.plain(made["inputs"])
        checked = await self.checked(made["type"], changed(before, self.filled(to)), before)
        old = {"old_inputs": made["inputs"], "olds": provider.struct(made["is"])}
        request = provider_pb2.UpdateRequest(id=made["id"], type=made["type"], news=checked, **old)
        await self.azure.Update(request, Context())

    async def delete(self, name):
        made = self.made[name]
        request = provider_pb2.DeleteRequest(id=made["id"], type=made["type"], old_inputs=made["inputs"])
        await self.azure.Delete(request, Context())

    def filled(self, value):
        """A row's value with the ids and outputs of what was made."""
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return re.sub(r"\$\{([^.}]+)\.(\w+)\}", self._output, value) if isinstance(value, str) else value

    def _output(self, match):
        made = self.made[match[1]]
        return made["id"] if match[2] == "id" else str(made["is"][match[2]])

    def kept(self):
        """What is there: in memory, and on disk."""
        objects = {o["id"]: copy.deepcopy(o) for o in self.cloud.all() if o["id"] != "/caller"}
        files = {str(file.relative_to(self.cloud.folder)) for file in self.cloud.folder.rglob("*.*")}
        return objects, files

    def caller(self, **who):
        found = self.cloud.get("/caller")
        self.cloud.put("/caller", found["type"], found["inputs"] | who, {})


def changed(inputs, to):
    """Inputs with the values at dotted paths; None takes one away."""
    result = copy.deepcopy(inputs)
    for path, value in (to or {}).items():
        *above, last = path.split(".")
        at = result
        for part in above:
            at = at[int(part)] if part.isdigit() else at.setdefault(part, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return result


def flat(given):
    return [object_ for item in given for object_ in (flat(item) if isinstance(item, list) else [item])]


def begin(row, folder):
    """The world as it is before the row's request."""
    world = World(folder)
    world.ask(world.configure("azure-native", {"subscriptionId": SUBSCRIPTION}))
    for object_ in flat(row.get("given", [])):
        world.ask(world.create(object_))
    return world


def faults(row):
    """What is asked with the fault: each is refused."""
    if "update" in row:
        changes = row["to"] if isinstance(row["to"], list) else [row["to"]]
        return [lambda world, to=to: world.update(row["update"], to) for to in changes]
    if "delete" in row:
        return [lambda world: world.delete(row["delete"])]
    if "config" in row:
        [(package, inputs)] = row["config"].items()
        return [lambda world: world.configure(package, world.filled(inputs))]
    if "together" in row:
        return [lambda world: both(world, row["together"])]
    object_ = row["create"] | {"inputs": changed(row["create"]["inputs"], row.get("with"))}
    return [lambda world: world.create(object_)]


async def both(world, objects):
    """Ask for all at the same moment; exactly one of them is made."""
    before = len(world.kept()[0])
    answers = await asyncio.gather(*map(world.create, objects), return_exceptions=True)
    assert len(world.kept()[0]) == before + 1
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) == len(objects) - 1
    raise refused[0]


def refusals(row, folder):
    """What each of the row's requests is answered with; None where it was accepted."""
    world = begin(row, folder)
    if "caller" in row:
        world.caller(roles=row["caller"])
    if "groups" in row:
        world.caller(groups=row["groups"])
    for fault in faults(row):
        before = world.kept()
        try:
            world.ask(fault(world))
        except RefusedError as refused:
            answer = str(refused)
        else:
            answer = None
        yield answer, before, world.kept()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """No operation takes longer than it takes others to come in between."""
    monkeypatch.setattr(cloud, "TURN", 0)


@pytest.mark.parametrize("name", BY_NAME)
def test_what_the_real_cloud_refuses_is_refused(name, tmp_path):
    """With its code, and nothing half-made is left."""
    row = BY_NAME[name]
    for answer, before, after in refusals(row, tmp_path):
        assert answer is not None, f"{row['happens']} It was accepted"
        assert row["code"] in answer
        if "together" not in row:
            assert after == before


@pytest.mark.parametrize("name", BY_NAME)
def test_without_the_fault_it_is_accepted(name, tmp_path):
    """Or else the row would fail for another reason than it says."""
    row = BY_NAME[name]
    world = begin(row, tmp_path)
    before = world.kept()
    if "together" in row:
        first, *others = row["together"]
        world.ask(world.create(first))
        for other in others:
            if "apart" in row:
                with pytest.raises(RefusedError, match=re.escape(row["apart"])):
                    world.ask(world.create(other))
            else:
                world.ask(world.create(other))
    elif "delete" in row:
        names = [object_["as"] for object_ in flat(row["given"])]
        for user in reversed(names[names.index(row["delete"]) :]):
            world.ask(world.delete(user))
    elif "update" in row:
        world.ask(world.update(row["update"], row.get("instead", {})))
    elif "config" in row:
        [(package, inputs)] = row["config"].items()
        world.ask(world.configure(package, world.filled(changed(inputs, row.get("instead")))))
    else:
        for object_ in flat(row.get("after", [])):
            world.ask(world.create(object_))
        inputs = changed(changed(row["create"]["inputs"], row.get("with")), row.get("instead"))
        world.ask(world.create(row["create"] | {"inputs": inputs}))
    assert world.kept() != before or "instead" in row or "config" in row or row.get("update")
