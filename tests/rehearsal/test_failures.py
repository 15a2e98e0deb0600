"""The simulated clouds refuse what real clouds refuse: rehearsal/failures.yaml."""

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
MENDED = {"instead", "after", "update", "delete", "together", "config", "caller", "objectId", "policy", "new"}
"""A row with one of these can be played without its fault."""
SUBSCRIPTION = "5d1c7f0a-92b4-4e63-8a17-c0e4f6b2d981"
SETTINGS = {
    "platform:azure": {"subscriptionId": SUBSCRIPTION, "tenantId": "0b8e4d52-6c1f-4f7a-b3d9-7e2a9c50f164"},
    "platform:cluster": {"adminGroupObjectIds": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]},
}


class RefusedError(Exception):
    """The refusal of a request."""


class Context:
    """The parts of a gRPC context that a servicer uses."""

    def peer(self):
        return "test"

    async def abort(self, code, details, metadata=()):
        raise RefusedError(details)


class World:
    """Simulated clouds, with the requests of rows through the providers' own methods."""

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
        """The configured provider of a type."""
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
        if self.then and "then" in object_:
            [found] = self.store.all(type_)
            self.store.put(found["id"], type_, found["inputs"], changed(found["outputs"], object_["then"]))

    async def update(self, name, to):
        made = self.made[name]
        before = provider.plain(made["inputs"])
        checked = await self.checked(made["type"], changed(before, self.filled(to)), before)
        old = {"old_inputs": made["inputs"], "olds": provider.struct(made["is"])}
        request = provider_pb2.UpdateRequest(id=made["id"], type=made["type"], news=checked, **old)
        await (await self.asked(made["type"])).Update(request, Context())

    def edit(self, name, to):
        """Change an object as somebody else does."""
        [found] = self.store.all(self.made[name]["type"])
        found["inputs"] = changed(found["inputs"], to)

    async def delete(self, name):
        made = self.made[name]
        request = provider_pb2.DeleteRequest(id=made["id"], type=made["type"], old_inputs=made["inputs"])
        await (await self.asked(made["type"])).Delete(request, Context())

    def filled(self, value):
        """A row's value with the ids and outputs of the given objects."""
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return re.sub(r"\$\{([^.}]+)\.(\w+)\}", self._output, value) if isinstance(value, str) else value

    def _output(self, match):
        made = self.made[match[1]]
        return made["id"] if match[2] == "id" else str(made["is"][match[2]])

    def kept(self):
        """All objects in memory, and all files."""
        objects = {o["id"]: copy.deepcopy(o) for o in self.store.all() if o["id"] != "/caller"}
        files = {str(file.relative_to(self.store.folder)) for file in self.store.folder.rglob("*.*")}
        return objects, files

    def caller(self, **who):
        found = self.store.get("/caller")
        self.store.put("/caller", found["type"], found["inputs"] | who, {})


def full(type_):
    """The full name of a type: rows leave Azure's package out."""
    others = ("kubernetes:", "azuread:", "vault:")
    return type_ if type_.startswith(others) else f"azure-native:{type_}"


def changed(inputs, to):
    """Inputs with new values at dotted paths. None removes one."""
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
    """The objects of nested lists, with those that have `times` repeated."""
    found = [object_ for item in given for object_ in (flat(item) if isinstance(item, list) else [item])]
    return [each for object_ in found for each in repeated(object_)]


def repeated(object_):
    for n in range(1, object_.get("times", 1) + 1):
        inputs = object_["inputs"]
        texts = {key: text.replace("{n}", str(n)) for key, text in inputs.items() if isinstance(text, str)}
        yield object_ | {"inputs": inputs | texts}


def begin(row, folder, *, then=True):
    """The clouds before the row's request."""
    world = World(folder, then=then)
    for object_ in flat(row.get("given", [])):
        world.store.settling.clear()
        world.ask(world.create(object_))
        if object_.get("gone"):
            world.ask(world.delete(object_["as"]))
    if not (then and row.get("new")):
        world.store.settling.clear()
    return world


def faults(row):
    """The row's requests with the fault. Each is refused."""
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
    """Create all in parallel. Exactly one of them succeeds."""
    before = len(world.kept()[0])
    answers = await asyncio.gather(*map(world.create, objects), return_exceptions=True)
    assert len(world.kept()[0]) == before + 1
    refused = [answer for answer in answers if answer is not None]
    assert len(refused) == len(objects) - 1
    raise refused[0]


def refusals(row, folder):
    """Each request's refusal, None if it was accepted, with the objects before and after."""
    world = begin(row, folder)
    if "caller" in row:
        world.caller(roles=row["caller"])
    for key in ("groups", "graph", "objectId", "policy"):
        if key in row:
            world.caller(**{key: row[key]})
    if "edited" in row:
        world.edit(row["update"], row["edited"])
    if "pods" in row:
        world.store.put("/faults", "given", row["pods"], {})
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
    """Operations take no longer than parallel ones need to overlap."""
    monkeypatch.setattr(store, "TURN", 0)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_request_with_the_fault_is_refused_with_its_code(name, tmp_path):
    """And leaves no object behind."""
    row = BY_NAME[name]
    for answer, before, after in refusals(row, tmp_path):
        assert answer is not None, f"{row['happens']} It was accepted"
        assert row["code"] in answer
        if "together" not in row and "left" not in row:
            assert after == before


@pytest.mark.parametrize("name", [name for name, row in BY_NAME.items() if MENDED & set(row)])
def test_the_same_request_without_the_fault_is_accepted(name, tmp_path):
    """Otherwise the row would fail for another reason."""
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
        world.store.settling.clear()
        inputs = changed(changed(row["create"]["inputs"], row.get("with")), row.get("instead"))
        world.ask(world.create(row["create"] | {"inputs": inputs}))
    assert "config" in row or world.store.writes > writes


# The list itself


def test_every_row_has_a_description_a_source_and_one_request():
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
    "403": "a fault that a test injects into Vault",
    "UnknownFunction": "a function of the SDK that the tables do not have",
    "UnknownValue": "the engine does not send such a request",
}
"""Codes without a row, with the reason."""


def test_every_error_code_of_the_simulated_clouds_is_in_a_row(tmp_path):
    """A code without a row has no source."""
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
    """Each rule of the tables: (table, type, field, entry)."""
    tables = (azure.RESOURCE_TYPES, entra.RESOURCE_TYPES, vault.RESOURCE_TYPES)
    every = ((table, type_, resource_type) for table in tables for type_, resource_type in table.items())
    for table, type_, resource_type in every:
        for field in ("checks", "references", "immutable", "lock_key", "binds"):
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
def test_every_rule_of_the_tables_is_tested_by_a_row(table, type_, field, entry, tmp_path, monkeypatch):
    """Without the rule a row is accepted, or refused for another reason."""
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
            return  # both parallel requests succeeded
    pytest.fail(f"no row of {len(rows)} is about {field} {rule_id(entry)} of {type_}")


def test_postgresql_adds_microsoft_storage_to_its_subnet(tmp_path):
    """Else every preview with a refresh would take it away again (langchain-ai/terraform, pull/179)."""
    world = begin(BY_NAME["firewall-of-a-private-server"], tmp_path)
    assert world.store.get(world.made["subnet"]["id"])["inputs"]["serviceEndpoints"] == [
        {"service": "Microsoft.Storage"}
    ]


def test_the_bounds_of_an_existing_pool_may_exclude_its_count(tmp_path):
    """Azure checks only the count of a new pool; later the autoscaler adapts it (Azure/AKS#1758)."""
    world = begin(BY_NAME["pool-in-another-form"], tmp_path)
    world.ask(world.update("pool", {"minCount": 4}))


# Other behaviour


class Other(Context):
    """A second connection of the engine."""

    def peer(self):
        return "another connection"


@pytest.mark.parametrize("type_", azure.RESOURCE_TYPES)
def test_a_change_of_any_path_parameter_replaces_the_object(type_, tmp_path):
    """The id contains them, so Azure would create another object under the new id."""
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


def test_each_provider_of_a_program_uses_its_own_subscription(tmp_path):
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


def test_the_reset_of_an_accounts_blob_settings_keeps_its_containers(tmp_path):
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


def test_a_zone_keeps_its_name_servers_until_it_is_recreated(tmp_path):
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


def test_the_keys_of_an_account_are_not_stored_on_disk(tmp_path):
    world = begin(BY_NAME["account-out-of-its-zones"], tmp_path)
    where = {"resourceGroupName": "compute", "accountName": "backupsprod1a2b3"}
    keys = azure.account_keys(world.store, where)["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]
    kept = [file.read_text() for file in world.store.folder.rglob("*.json")]
    assert not any(key["value"] in text for key in keys for text in kept)


def test_a_chart_that_the_mirror_lacked_is_refused_where_charts_of_it_are(tmp_path, monkeypatch):
    """In the real provider's words (tests/conformance/test_chart_mirror.py). Elsewhere it is not known."""
    row = BY_NAME["chart-that-its-repository-does-not-have"]
    wanted = {**row["create"]["inputs"], "chart": ".charts/fluent-bit-1.0.0.tgz", "version": "1.0.0"}
    release = {**row["create"], "inputs": wanted}

    monkeypatch.chdir(tmp_path)
    unknown = begin(row, tmp_path / "unknown")
    unknown.ask(unknown.create(release))
    (tmp_path / ".charts").mkdir()
    known = begin(row, tmp_path / "known")
    with pytest.raises(RefusedError, match=r'ChartNotFound.*path ".charts/fluent-bit-1.0.0.tgz" not found'):
        known.ask(known.create(release))
    (tmp_path / ".charts" / "fluent-bit-1.0.0.tgz").touch()
    known.ask(known.create(release))
