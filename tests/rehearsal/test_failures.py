"""What real clouds refuse, the rehearsed ones refuse for the same reason: rehearsal/failures.yaml."""

import asyncio
import copy
import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from pulumi.runtime.proto import provider_pb2

from rehearsal import (
    azure,
    cert_manager,
    entra,
    helm,
    kubernetes,
    pod_admission,
    provider,
    serve,
    store,
    vault,
)
from tests.support.recorder import ROOT

ROWS = yaml.safe_load((ROOT / "rehearsal/failures.yaml").read_text())["failures"]
BY_NAME = {row["name"]: row for row in ROWS}
MENDED = {"instead", "after", "update", "delete", "together", "config", "caller"}
"""A row with one of these can be played without its fault."""
SUBSCRIPTION = "5d1c7f0a-92b4-4e63-8a17-c0e4f6b2d981"
SETTINGS = {
    "platform:azure": {"subscriptionId": SUBSCRIPTION, "tenantId": "0b8e4d52-6c1f-4f7a-b3d9-7e2a9c50f164"},
    "platform:cluster": {"adminGroupObjectIds": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]},
}


class RefusedError(Exception):
    """What a request ended with."""


class Context:
    """Of a gRPC call: all that a servicer does with it."""

    def peer(self):
        return "test"

    async def abort(self, code, details, metadata=()):
        raise RefusedError(details)


class World:
    """A rehearsed cloud, and what rows ask of it through the providers' own methods."""

    def __init__(self, folder: Path, *, then: bool = True) -> None:
        self.then = then
        self.store = store.Store(folder)
        serve.preconditions(self.store, SETTINGS)
        self.providers = serve.providers_of(self.store)
        self.made: dict[str, dict] = {}

    def ask(self, work):
        loop = asyncio.new_event_loop()  # asyncio.run would leave other tests' Pulumi without a loop
        try:
            return loop.run_until_complete(work)
        finally:
            loop.close()

    async def configure(self, package, inputs):
        request = provider_pb2.ConfigureRequest(args=provider.struct(inputs))
        await self.providers[package].Configure(request, Context())

    async def asked(self, type_):
        """The provider that has a type, which knows where it works."""
        package = type_.partition(":")[0]
        found = self.providers[package]
        if not found.configs:
            if package == "kubernetes":
                address = f"https://{self.made['cluster']['is']['fqdn']}:443"
                given = {"kubeconfig": {"clusters": [{"name": "a", "cluster": {"server": address}}]}}
            else:
                given = {"subscriptionId": SUBSCRIPTION} if package == "azure-native" else {}
            await self.configure(package, given)
        return found

    async def checked(self, type_, inputs, before=None):
        request = provider_pb2.CheckRequest(
            type=type_, news=provider.struct(inputs), olds=provider.struct(before or {})
        )
        answer = await (await self.asked(type_)).Check(request, Context())
        if answer.failures:
            raise RefusedError("; ".join(f"{f.property} {f.reason}" for f in answer.failures))
        return answer.inputs

    @property
    def azure(self):
        return self.providers["azure-native"]

    async def create(self, object_):
        type_, inputs = full(object_["type"]), self.filled(object_["inputs"])
        checked = await self.checked(type_, inputs)
        request = provider_pb2.CreateRequest(type=type_, properties=checked)
        answer = await (await self.asked(type_)).Create(request, Context())
        made = {"type": type_, "inputs": checked, "id": answer.id, "is": provider.plain(answer.properties)}
        self.made[object_.get("as", answer.id)] = made
        if self.then and "then" in object_:  # what became of it since
            [found] = self.store.all(type_)
            self.store.put(found["id"], type_, found["inputs"], changed(found["outputs"], object_["then"]))

    async def update(self, name, to):
        made = self.made[name]
        before = provider.plain(made["inputs"])
        checked = await self.checked(made["type"], changed(before, self.filled(to)), before)
        old = {"old_inputs": made["inputs"], "olds": provider.struct(made["is"])}
        request = provider_pb2.UpdateRequest(id=made["id"], type=made["type"], news=checked, **old)
        await (await self.asked(made["type"])).Update(request, Context())

    async def delete(self, name):
        made = self.made[name]
        request = provider_pb2.DeleteRequest(id=made["id"], type=made["type"], old_inputs=made["inputs"])
        await (await self.asked(made["type"])).Delete(request, Context())

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
        objects = {o["id"]: copy.deepcopy(o) for o in self.store.all() if o["id"] != "/caller"}
        files = {str(file.relative_to(self.store.folder)) for file in self.store.folder.rglob("*.*")}
        return objects, files

    def caller(self, **who):
        found = self.store.get("/caller")
        self.store.put("/caller", found["type"], found["inputs"] | who, {})


def full(type_):
    """A type as the engine says it: rows leave Azure's package out."""
    others = ("kubernetes:", "azuread:", "vault:")
    return type_ if type_.startswith(others) else f"azure-native:{type_}"


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


def begin(row, folder, *, then=True):
    """The world as it is before the row's request."""
    world = World(folder, then=then)
    for object_ in flat(row.get("given", [])):
        world.ask(world.create(object_))
        if object_.get("gone"):
            world.ask(world.delete(object_["as"]))
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
    for key in ("groups", "graph"):
        if key in row:
            world.caller(**{key: row[key]})
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
    monkeypatch.setattr(store, "TURN", 0)


@pytest.mark.parametrize("name", BY_NAME)
def test_what_the_real_cloud_refuses_is_refused(name, tmp_path):
    """With its code, and nothing half-made is left."""
    row = BY_NAME[name]
    for answer, before, after in refusals(row, tmp_path):
        assert answer is not None, f"{row['happens']} It was accepted"
        assert row["code"] in answer
        if "together" not in row and "left" not in row:
            assert after == before


@pytest.mark.parametrize("name", [name for name, row in BY_NAME.items() if MENDED & set(row)])
def test_without_the_fault_it_is_accepted(name, tmp_path):
    """Or else the row would fail for another reason than it says."""
    row = BY_NAME[name]
    world = begin(row, tmp_path, then=False)
    writes = world.store.writes
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
        names = [object_.get("as") for object_ in flat(row["given"])]
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
    assert "config" in row or world.store.writes > writes


# The list itself


def test_every_row_says_what_happened_and_where_it_was_seen():
    assert len(BY_NAME) == len(ROWS) >= 130
    for row in ROWS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", row["name"])
        assert row["happens"].endswith(".")
        assert row["source"]
        assert len({"create", "update", "delete", "together", "config"} & set(row)) == 1, row["name"]


CODE = re.compile(
    r"(?:refuse\(|RefusedError\(|rule\(\s*"
    r'|immutable_error=|in_use=|conflict_code(?:=|": )|immutable_error": )\s*"([A-Za-z0-9_]+)"'
)
OTHERWISE = {
    "403": "Vault, where somebody wants it to: a fault that is asked for",
    "MissingInput": "a mistake in a table",
    "ResourceNotFound": "drift: tests/engine/test_lifecycle.py",
    "UnknownFunction": "the SDK has it, the tables do not",
    "UnknownValue": "a request that the engine does not make",
}
"""Codes that no row is about, and why."""


def test_every_code_that_the_clouds_answer_with_was_seen(tmp_path):
    """A code that no row has is one that nobody saw a real cloud answer with."""
    modules = (azure, provider, entra, helm, cert_manager, kubernetes, pod_admission, vault)
    known = {code for module in modules for code in CODE.findall(Path(module.__file__).read_text())}
    known |= {"ResourceGroupNotFound", "ParentResourceNotFound"}
    answers = {
        answer.partition(":")[0]
        for row in ROWS
        for answer, *_ in refusals(row, tmp_path / row["name"])
        if answer
    }
    assert len(known) > 30
    assert known - answers == set(OTHERWISE)


def rules():
    """Each thing that a kind of the tables refuses by: (table, type, field, entry)."""
    tables = (azure.RESOURCE_TYPES, entra.RESOURCE_TYPES, vault.RESOURCE_TYPES)
    every = ((table, type_, resource_type) for table in tables for type_, resource_type in table.items())
    for table, type_, resource_type in every:
        for field in ("checks", "references", "immutable", "lock_key"):
            entries = getattr(resource_type, field)
            for entry in (entries,) if isinstance(entries, str) and entries else entries:
                yield table, type_, field, entry


def about(row, type_):
    """Whether the row's request is for an object of a type."""
    made = {object_.get("as"): object_["type"] for object_ in flat(row.get("given", []))}
    asked = [row[key]["type"] for key in ("create",) if key in row]
    asked += [object_["type"] for object_ in row.get("together", [])]
    asked += [made[row[key]] for key in ("update", "delete") if key in row]
    return any(full(short) == type_ for short in asked)


def rule_id(rule):
    return rule if isinstance(rule, str) else getattr(rule, "__name__", "table")


@pytest.mark.parametrize(("table", "type_", "field", "entry"), [*rules()], ids=rule_id)
def test_no_rule_of_the_tables_can_be_taken_away(table, type_, field, entry, tmp_path, monkeypatch):
    """Without it a row is accepted, or refused for another reason."""
    resource_type = table[type_]
    rest = "" if field == "lock_key" else tuple(e for e in getattr(resource_type, field) if e is not entry)
    monkeypatch.setitem(table, type_, dataclasses.replace(resource_type, **{field: rest}))
    rows = [row for row in ROWS if about(row, type_)]
    for row in rows:
        try:
            for answer, *_ in refusals(row, tmp_path / row["name"]):
                if answer is None or row["code"] not in answer:
                    return
        except (AssertionError, IndexError):
            return  # two at once were both made
    pytest.fail(f"no row of {len(rows)} is about {field} {rule_id(entry)} of {type_}")


def test_a_pools_bounds_may_move_past_the_nodes_that_it_has(tmp_path):
    """The autoscaler sees to it; Azure looks at the count of a new pool only (Azure/AKS#1758)."""
    world = begin(BY_NAME["pool-in-another-form"], tmp_path)
    world.ask(world.update("pool", {"minCount": 4}))


# What is no refusal


class Other(Context):
    """A second connection of the engine's."""

    def peer(self):
        return "another connection"


@pytest.mark.parametrize("type_", azure.RESOURCE_TYPES)
def test_a_change_of_any_path_parameter_replaces_the_object(type_, tmp_path):
    """The id is made of them, so Azure would have another object under the new id."""
    world = World(tmp_path)
    found = azure.RESOURCE_TYPES[type_]
    old = dict.fromkeys(found.placeholders, "old")
    for parameter in set(found.placeholders) - {"subscriptionId"}:  # it is the provider's, not an input
        request = provider_pb2.DiffRequest(
            type=type_, old_inputs=provider.struct(old), news=provider.struct(old | {parameter: "new"})
        )
        assert world.ask(world.azure.Diff(request, Context())).replaces == [parameter]
    assert found.name == found.id.rpartition("{")[2].rstrip("}")


def inputs_of(row):
    return BY_NAME[row]["create"]["inputs"]


def test_each_provider_of_a_program_works_in_its_own_subscription(tmp_path):
    world = World(tmp_path)
    other = "e7b92c14-0d6a-4b38-9f51-2c8d7a4e6f03"
    world.store.put(f"/subscriptions/{other}", "given", {}, {})
    for subscription, context in ((SUBSCRIPTION, Context()), (other, Other())):
        given = provider.struct({"subscriptionId": subscription})
        world.ask(world.azure.Configure(provider_pb2.ConfigureRequest(args=given), context))
        type_ = "azure-native:resources:ResourceGroup"
        inputs = provider.struct({"resourceGroupName": "dns", "location": "westeurope"})
        request = provider_pb2.CreateRequest(type=type_, properties=inputs)
        made = world.ask(world.azure.Create(request, context))
        assert made.id == f"/subscriptions/{subscription}/resourceGroups/dns"


def test_resetting_an_accounts_blob_settings_takes_no_blob_away(tmp_path):
    row = BY_NAME["container-for-everybody"]
    world = begin(row, tmp_path)
    settings = {
        "resourceGroupName": "compute",
        "accountName": "backupsprod1a2b3",
        "blobServicesName": "default",
    }
    reset = {"as": "settings", "type": "storage:BlobServiceProperties", "inputs": settings}
    world.ask(world.create(reset))
    world.ask(world.create(row["create"] | {"as": "container"}))
    world.ask(world.delete("settings"))
    assert world.store.get(world.made["container"]["id"])
    assert not world.store.get(world.made["settings"]["id"])


def test_a_zone_keeps_its_name_servers_until_it_is_made_again(tmp_path):
    row = BY_NAME["zone-in-a-region"]
    world = begin(row, tmp_path)
    zone = row["create"] | {"as": "zone", "inputs": inputs_of("zone-in-a-region") | {"location": "Global"}}
    world.ask(world.create(zone))
    first = world.made["zone"]
    world.ask(world.update("zone", {"tags": {"owner": "somebody"}}))
    assert world.store.get(first["id"])["outputs"]["nameServers"] == first["is"]["nameServers"]
    world.ask(world.delete("zone"))
    world.ask(world.create(zone))
    assert world.made["zone"]["is"]["nameServers"] != first["is"]["nameServers"]


def test_the_keys_of_an_account_are_not_kept_on_disk(tmp_path):
    world = begin(BY_NAME["account-out-of-its-zones"], tmp_path)
    where = {"resourceGroupName": "compute", "accountName": "backupsprod1a2b3"}
    keys = azure.account_keys(world.store, where)["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    kept = [file.read_text() for file in world.store.folder.rglob("*.json")]
    assert not any(key["value"] in text for key in keys for text in kept)
