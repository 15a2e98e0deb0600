"""Pulumi's provider protocol, served from a table of resource types. One servicer for each package.

It imitates the real providers: the outputs that a preview knows, the inputs that force a replacement, the
refusals. (Sources: the providers run against real servers; azure-native's provider.go.)
"""

import asyncio
import dataclasses
import functools
import importlib.metadata
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import grpc
from google.protobuf import json_format, struct_pb2
from google.protobuf.empty_pb2 import Empty
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal import schema
from rehearsal.properties import UNKNOWN, Props, changes, covers, find, unknown
from rehearsal.resource_types import Check, Request, ResourceType, dependants
from rehearsal.store import RefusedError, Store, Timing

Invoke = Callable[[Store, Props], Props]
Paths = tuple[str, ...]
PropertyDiff = provider_pb2.PropertyDiff
DIFFERENT = {True: provider_pb2.DiffResponse.DIFF_SOME, False: provider_pb2.DiffResponse.DIFF_NONE}


def plain(struct: struct_pb2.Struct) -> Props:
    """A message's properties as Python values, with whole numbers as ints and without secret marks.

    (The engine marks the secrets of a provider's configuration.)
    """

    def tidy(value: Any) -> Any:
        if isinstance(value, Mapping) and value.get(rpc._special_sig_key) == rpc._special_secret_sig:  # noqa: SLF001
            return tidy(value["value"])
        if isinstance(value, Mapping):
            return {key: tidy(item) for key, item in value.items()}
        if isinstance(value, list):
            return [tidy(item) for item in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value

    tidied: Props = tidy(json_format.MessageToDict(struct))
    return tidied


def struct(props: Mapping[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    json_format.ParseDict(props, message)
    return message


def mark_secrets(rules: ResourceType, props: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as a message. The engine encrypts and masks those that are marked as secret."""
    mark = {rpc._special_sig_key: rpc._special_secret_sig}  # noqa: SLF001
    return struct({k: mark | {"value": v} if k in rules.secret else v for k, v in props.items()})


def refusable(method: Callable[[Any, Any, Any], Awaitable[Any]]) -> Callable[[Any, Any, Any], Awaitable[Any]]:
    """Return a refusal as a gRPC error."""

    @functools.wraps(method)
    async def answer(self: Any, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except RefusedError as refused:
            return await context.abort(grpc.StatusCode.UNKNOWN, str(refused))

    return answer


def constant(message: Any) -> Any:
    """A method that always returns the same message."""

    async def answer(_self: Any, _request: Any, _context: Any) -> Any:
        return message

    return answer


@dataclass(eq=False)
class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The resources of one package: `types` has the rules, `store` the objects."""

    checks: ClassVar[tuple[Check, ...]] = ()
    """Checks of every object, before those of its type."""
    package: str
    types: Mapping[str, ResourceType]
    store: Store
    invokes: Mapping[str, Invoke] = field(default_factory=dict)
    configure: Callable[[Store, Props], None] | None = None
    replaced_by: Callable[[Props, Props], bool] | None = None
    """Whether a changed configuration means another cloud, so that all its resources are replaced."""
    configs: dict[str, Props] = field(default_factory=dict)
    """Configurations by peer: the engine opens a connection for each provider of the program."""
    real_server: Callable[[str, Request, Props], Props] | None = None
    """A real server behind this one: (method, request, configuration) of a passed request → outputs."""

    # The provider itself

    Attach = Cancel = constant(Empty())
    Handshake = constant(provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True))

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return plugin_pb2.PluginInfo(version=importlib.metadata.version(f"pulumi-{self.package}"))

    async def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        old, new = plain(request.old_inputs or request.olds), plain(request.news)
        changed = [path for path, _ in changes(old, new) if path != "version"]
        replaces = changed if changed and self.replaced_by and self.replaced_by(old, new) else []
        return provider_pb2.DiffResponse(changes=DIFFERENT[bool(changed)], diffs=changed, replaces=replaces)

    @refusable
    async def Configure(self, request: Any, context: Any) -> Any:
        given = plain(request.args)
        if self.configure and not unknown(given):
            self.configure(self.store, given)
        self.configs[context.peer()] = given
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    @refusable
    async def Invoke(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        if request.tok not in self.invokes:
            raise RefusedError("UnknownFunction", f"rehearsal does not know {request.tok}")
        response = provider_pb2.InvokeResponse()
        answer = self.invokes[request.tok](self.store, plain(request.args))
        getattr(response, "return").CopyFrom(struct(answer))
        return response

    # Resources

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        type_, old, new = request.type, plain(request.olds), plain(request.news)
        rules = self.resource_type(type_)
        if rules is None:
            failure = provider_pb2.CheckFailure(reason=f"rehearsal does not know the resource type {type_}")
            return provider_pb2.CheckResponse(failures=[failure])
        if rules.name and not new.get(rules.name):
            proposed = request.autonaming.proposed_name or f"{request.name}{secrets.token_hex(4)}"
            new[rules.name] = old.get(rules.name) or proposed
            new["__createBeforeDelete"] = True  # azure-native's mark of a generated name
        new = self.fill_defaults(type_, old, new, request.name)
        problems = [*self.problems(type_, new)]
        if not unknown(new):
            problems += [(p, "is required") for p in rules.required if not list(find(new, p))]
        name = new.get(rules.name, UNKNOWN)
        if name != UNKNOWN and not re.fullmatch(rules.pattern, str(name)):
            problems.append((rules.name, f"{name!r} is not a valid name ({rules.pattern})"))
        failures = [provider_pb2.CheckFailure(property=p, reason=r) for p, r in problems]
        return provider_pb2.CheckResponse(inputs=mark_secrets(rules, new), failures=failures)

    async def Diff(self, request: Any, context: Any) -> Any:
        rules = self._type(request.type)
        old, new = plain(request.old_inputs), plain(request.news)
        wanted, rerun = self.replace_on(rules, request, context)
        found = [*changes(old, new), *((path, "update") for path in rerun)]
        replaces = [p for p, _ in found if p in rerun or any(covers(one, p) for one in wanted)]
        detailed = {}
        for path, what in found:
            name = what.upper() + ("_REPLACE" if path in replaces else "")
            detailed[path] = PropertyDiff(kind=PropertyDiff.Kind.Value(name), inputDiff=True)
        return provider_pb2.DiffResponse(
            changes=DIFFERENT[bool(detailed)],
            diffs=list(detailed), replaces=replaces, detailedDiff=detailed, hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces) and self.explicitly_named(rules, new),
        )  # fmt: skip

    @refusable
    async def Create(self, request: Any, context: Any) -> Any:
        rules, inputs = self._type(request.type), plain(request.properties)
        if request.preview:
            await self._dry_run(Request(self.store, request.name, request.type, inputs), context)
            return provider_pb2.CreateResponse(properties=mark_secrets(rules, preview_outputs(rules, inputs)))
        words = self.configs[context.peer()] | {"guid": str(uuid.uuid4())} | inputs
        id_ = rules.id.format_map(words)
        operation = Request(self.store, self.key(request.type, id_, context), request.type, inputs)
        properties = await self._apply("create", rules, id_, operation, context)
        return provider_pb2.CreateResponse(id=id_, properties=properties)

    @refusable
    async def Update(self, request: Any, context: Any) -> Any:
        rules, inputs, before = self._type(request.type), plain(request.news), plain(request.old_inputs)
        if request.preview:
            named = Request(self.store, request.name, request.type, inputs, before)
            await self._dry_run(named, context, request.id)
            known = {k: v for k, v in plain(request.olds).items() if k in rules.stable}
            properties = mark_secrets(rules, preview_outputs(rules, inputs) | known)
        else:
            key = self.key(request.type, request.id, context)
            operation = Request(self.store, key, request.type, inputs, before)
            properties = await self._apply("update", rules, request.id, operation, context)
        return provider_pb2.UpdateResponse(properties=properties)

    async def Read(self, request: Any, context: Any) -> Any:
        rules = self._type(request.type)
        found = self.store.get(self.key(request.type, request.id, context))
        if found is None:
            return provider_pb2.ReadResponse()
        known = plain(request.inputs)
        inputs = self.deserialize(rules, found["inputs"], known)
        if live := getattr(self.real_server, "live", None):
            there = Request(self.store, request.id, request.type, known)
            inputs = await asyncio.to_thread(live, there, inputs)
            if inputs is None:
                return provider_pb2.ReadResponse()
        inputs = self.owned(rules, inputs, known)
        outputs = self.deserialize(rules, found["outputs"], plain(request.properties))
        properties = mark_secrets(rules, readable(rules, inputs) | outputs)
        return provider_pb2.ReadResponse(
            id=request.id, inputs=mark_secrets(rules, inputs), properties=properties
        )

    @refusable
    async def Delete(self, request: Any, context: Any) -> Empty:
        rules = self._type(request.type)
        key = self.key(request.type, request.id, context)
        operation = Request(self.store, key, request.type, plain(request.old_inputs))
        async with self._operation(rules, operation, "delete"):
            self._authorise(rules, operation)
            for gone in (operation.id, *(o["id"] for o in self.store.below(operation.id))):
                self._refuse_if_in_use(gone, operation)
            await self._forward("delete", operation, context)
            self.store.drop(operation.id, alone=rules.singleton)
            if rules.on_delete:
                rules.on_delete(operation)
        return Empty()

    # Hooks: where providers differ

    def resource_type(self, type_: str) -> ResourceType | None:
        return self.types.get(type_)

    def key(self, type_: str, id_: str, context: Any) -> str:  # noqa: ARG002
        """The key of an object in the store: its id, or more where ids of two types can be equal."""
        return id_

    def fill_defaults(self, type_: str, old: Props, new: Props, name: str) -> Props:  # noqa: ARG002
        """Inputs with the provider's own defaults."""
        return new

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        """Each (property, reason) of an input that is invalid regardless of the existing objects."""
        return schema.problems(type_, new)

    def explicitly_named(self, rules: ResourceType, new: Props) -> bool:
        """Whether the program sets the name, so that a replacement deletes the old object first."""
        return bool(rules.name) and "__createBeforeDelete" not in new

    def replace_on(self, rules: ResourceType, request: Any, context: Any) -> tuple[Paths, Paths]:  # noqa: ARG002
        """Inputs whose change forces a replacement, and inputs that force one without a change."""
        return rules.replaces, ()

    def serialize(self, rules: ResourceType, props: Props) -> Props:
        """Properties as written to disk, without secrets."""
        return {k: v for k, v in props.items() if k not in rules.write_only}

    def deserialize(self, rules: ResourceType, stored: Props, known: Props) -> Props:
        """Stored properties, with the write-only ones from the state."""
        return stored | {key: known[key] for key in rules.write_only if key in known}

    def owned(self, rules: ResourceType, live: Props, known: Props) -> Props:  # noqa: ARG002
        """What the provider reads of an object's inputs."""
        return live

    def remembered(self, inputs: Props) -> Props:  # noqa: ARG002
        """What the cloud stores beside an object's properties."""
        return {}

    def refuse_conflict(self, rules: ResourceType, operation: Request, config: Props) -> None:
        """Refuse to change what belongs to somebody else."""

    # Helpers

    def _operation(self, rules: ResourceType, operation: Request, method: str) -> Any:
        lock, code = rules.lock_key.format_map(operation.inputs), rules.conflict_code
        networks = tuple({network_lock(id_) for path in rules.binds for id_ in find(operation.inputs, path)})
        if rules.changes_network and networks and method != "delete":
            [lock], code, networks = networks, rules.updating_code, ()
        timing = Timing(rules.seconds, lock, code, networks, rules.updating_code)
        return self.store.operation(operation.type, operation.id, method, timing)

    def _type(self, type_: str) -> ResourceType:
        rules = self.resource_type(type_)
        assert rules, type_  # Check refuses unknown types  # noqa: S101
        return rules

    async def _apply(
        self, method: str, rules: ResourceType, id_: str, operation: Request, context: Any
    ) -> struct_pb2.Struct:
        """Create or update an object. Fails with an initialisation error if it exists and is not ready."""
        async with self._operation(rules, operation, method):
            there = self.store.get(operation.id)
            if method == "create" and there and not rules.singleton:
                operation.refuse("AlreadyExists", f"cannot create already existing resource '{id_}'")
            if method == "update" and not there:
                operation.refuse("ResourceNotFound", f"{id_} does not exist any more")
            for path, _ in changes(operation.before, operation.inputs) if operation.before else ():
                if any(covers(wanted, path) for wanted in rules.immutable):
                    operation.refuse(rules.immutable_error, f"{path} cannot be changed in place")
            properties = mark_secrets(rules, await self._write(method, rules, operation, context))
        if reason := rules.unready(operation) if rules.unready else "":
            await asyncio.sleep(rules.waits(operation) * self.store.scale)
            inputs = mark_secrets(rules, operation.inputs)
            failed = provider_pb2.ErrorResourceInitFailed(
                id=id_, properties=properties, inputs=inputs, reasons=[reason]
            )
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
            status.details.add().Pack(failed)
            detail = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(grpc.StatusCode.UNKNOWN, reason, detail)
        return properties

    async def _write(self, method: str, rules: ResourceType, operation: Request, context: Any) -> Props:
        """Apply the cloud's checks, then store the object. Returns its outputs."""
        if unknown(operation.inputs):
            operation.refuse("UnknownValue", "an input is still unknown")
        self._authorise(rules, operation)
        for path in rules.references:
            for id_ in find(operation.inputs, path):
                if self.store.get(id_) is None:
                    operation.refuse("InvalidResourceReference", f"{path} is {id_}, which does not exist")
        for parent in parents(operation.id):
            if self.store.get(parent) is None and not parent.endswith("/default"):  # it is always there
                missing = "ResourceGroup" if "/providers/" not in parent else "ParentResource"
                operation.refuse(f"{missing}NotFound", f"{parent} does not exist")
        self.refuse_conflict(rules, operation, self.configs[context.peer()])
        for check in (*self.checks, *rules.checks):
            check(operation)
        outputs = rules.outputs(operation) | await self._forward(method, operation, context)
        ignored = rules.update_only if method == "create" else ()
        kept = {k: v for k, v in operation.inputs.items() if k not in ignored}
        stored = self.serialize(rules, kept), self.serialize(rules, outputs)
        self.store.put(operation.id, operation.type, *stored, **self.remembered(stored[0]))
        if rules.settles and method == "create":
            self.store.settling.add(operation.id)
        return readable(rules, operation.inputs) | outputs

    async def _forward(self, method: str, operation: Request, context: Any) -> Props:
        if self.real_server is None:
            return {}
        return await asyncio.to_thread(self.real_server, method, operation, self.configs[context.peer()])

    async def _dry_run(self, operation: Request, context: Any, id_: str = "") -> None:
        """In a preview: refuse what the real server refuses in a dry run. `id_` is of an existing object."""
        config = self.configs[context.peer()]
        if not unknown(operation.inputs) and not unknown(config):
            if id_:
                there = dataclasses.replace(operation, id=self.key(operation.type, id_, context))
                self.refuse_conflict(self._type(operation.type), there, config)
            await self._forward("try", operation, context)

    def _authorise(self, rules: ResourceType, operation: Request) -> None:
        caller = self.store.get("/caller")
        if rules.role and caller and not {rules.role, "Owner"} & set(caller["inputs"]["roles"]):
            text = f"{caller['inputs']['name']} needs the role {rules.role} to write {operation.id}"
            operation.refuse("AuthorizationFailed", text)

    def _refuse_if_in_use(self, id_: str, operation: Request) -> None:
        """Refuse the deletion if an object outside of it refers to this one."""
        found = self.store.get(id_)
        rules = self.types.get(found["type"]) if found else None
        for user in dependants(self.store, id_, self.types) if rules and not rules.singleton else ():
            if not user.startswith(operation.id + "/"):
                operation.refuse(rules.in_use if rules else "", f"{id_} is still used by {user}")


def network_lock(subnet: str) -> str:
    """The lock of a subnet's network, as in its own `lock_key`: resource group and name."""
    parts = subnet.split("/")
    return f"{parts[4]}/{parts[8]}"


def readable(rules: ResourceType, inputs: Props) -> Props:
    """Inputs as the cloud returns them: without write-only ones."""
    return {k: v for k, v in inputs.items() if k not in rules.write_only and not k.startswith("__")}


def preview_outputs(rules: ResourceType, inputs: Props) -> Props:
    """The outputs that a preview knows: inputs that the cloud returns unchanged."""
    return {k: v for k, v in readable(rules, inputs).items() if k not in rules.unknown_in_preview}


def parents(id_: str) -> list[str]:
    """The parents of an ARM id, such as its resource group and its server. Ids of other clouds have none."""
    if not id_.startswith("/subscriptions/"):
        return []
    above, found, below = id_.rpartition("/providers/")
    if not found:
        return ["/".join(id_.split("/")[:3])]
    parts = below.split("/")
    return [above, *("/".join((above, "providers", *parts[:end])) for end in range(3, len(parts), 2))]
