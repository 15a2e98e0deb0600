"""Pulumi's provider protocol, served from a table of kinds. One servicer a package.

The answers copy what the real providers were seen or read to do: what a preview knows, what replaces,
what is refused. (Sources: research of the providers run against real servers; azure-native's provider.go.)
"""

import asyncio
import re
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from google.protobuf.empty_pb2 import Empty
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal import schema
from rehearsal.resource_types import UNKNOWN, Call, Kind, Props, RefusedError, changes, covers, find, unknown
from rehearsal.store import Cloud

Invoke = Callable[[Cloud, Props], Props]
PropertyDiff = provider_pb2.PropertyDiff
DIFF_SOME = provider_pb2.DiffResponse.DIFF_SOME
DIFF_NONE = provider_pb2.DiffResponse.DIFF_NONE


def plain(struct: struct_pb2.Struct) -> Props:
    """A message's properties as Python values; whole numbers come back as ints.

    A provider's own configuration comes with its secrets still marked.
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


def marked(kind: Kind, props: Mapping[str, Any]) -> struct_pb2.Struct:
    """A kind's properties for the engine, which keeps what is marked as secret encrypted and unshown."""
    mark = {rpc._special_sig_key: rpc._special_secret_sig}  # noqa: SLF001
    return struct({k: mark | {"value": v} if k in kind.secret else v for k, v in props.items()})


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One package's resources: the engine asks, `kinds` and the cloud answer."""

    always: tuple[Callable[[Call], None], ...] = ()
    """What is checked of each object, before its kind's own checks."""

    def __init__(  # noqa: PLR0913 each by name
        self,
        package: str,
        version: str,
        kinds: Mapping[str, Kind],
        cloud: Cloud,
        *,
        invokes: Mapping[str, Invoke] | None = None,
        configure: Callable[[Cloud, Props], None] | None = None,
        replaced_by: Callable[[Props, Props], bool] | None = None,
    ) -> None:
        self.package, self.version, self.cloud = package, version, cloud
        self.kinds = dict(kinds)
        self.invokes = dict(invokes or {})
        self.configure = configure
        self.replaced_by = replaced_by
        """Whether a changed configuration is another cloud, so that everything in it is replaced."""
        self.configs: dict[str, Props] = {}
        """By who asks: the engine has a connection for each provider that the program makes."""
        self.behind: Callable[[str, Call, Props], Props] | None = None
        """A real server: given (method, object, configuration) of what passed the checks, answers outputs."""
        self.log: list[tuple[str, str]] = []
        """Every request that changed something: (method, id)."""

    # The provider itself

    async def Attach(self, request: Any, context: Any) -> Empty:  # noqa: ARG002
        return Empty()

    async def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    async def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return plugin_pb2.PluginInfo(version=self.version)

    async def Cancel(self, request: Any, context: Any) -> Empty:  # noqa: ARG002
        return Empty()

    async def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return provider_pb2.CheckResponse(inputs=request.news)

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        old, new = plain(request.old_inputs or request.olds), plain(request.news)
        changed = [path for path, _ in changes(old, new) if path != "version"]
        replaces = changed if changed and self.replaced_by and self.replaced_by(old, new) else []
        return provider_pb2.DiffResponse(changes=some(changed), diffs=changed, replaces=replaces)

    async def Configure(self, request: Any, context: Any) -> Any:
        given = plain(request.args)
        try:
            if self.configure and not unknown(given):
                self.configure(self.cloud, given)
        except RefusedError as refused:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refused))
        self.configs[context.peer()] = given
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    async def Invoke(self, request: Any, context: Any) -> Any:
        try:
            answer = self.invokes.get(request.tok)
            if answer is None:
                raise RefusedError("UnknownFunction", f"rehearsal does not know {request.tok}")  # noqa: TRY301
            returned = answer(self.cloud, plain(request.args))
        except RefusedError as refused:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(refused))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(returned))
        return response

    # Resources

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        type_, old, new = request.type, plain(request.olds), plain(request.news)
        kind = self.kind(type_)
        if kind is None:
            reason = f"rehearsal does not know the resource type {type_}"
            return provider_pb2.CheckResponse(
                failures=[provider_pb2.CheckFailure(property="", reason=reason)]
            )
        if kind.name and not new.get(kind.name):
            new[kind.name] = old.get(kind.name) or self._auto_name(request)
            new["__createBeforeDelete"] = True  # as azure-native marks what it named itself
        new = self.completed(type_, old, new, request.name)
        problems = [*self.problems(type_, new)]
        problems += [(p, "is required") for p in kind.required if not list(find(new, p)) and not unknown(new)]
        problems += self._misnamed(kind, new)
        failures = [provider_pb2.CheckFailure(property=p, reason=r) for p, r in problems]
        return provider_pb2.CheckResponse(inputs=marked(kind, new), failures=failures)

    async def Diff(self, request: Any, context: Any) -> Any:
        kind = self._kind(request.type)
        old, new = plain(request.old_inputs), plain(request.news)
        wanted, anew = self.replaced(kind, request, context), self.broken(kind, request, context)
        detailed: dict[str, Any] = {}
        replaces: list[str] = []
        for path, what in [*changes(old, new), *((path, "update") for path in anew)]:
            replace = path in anew or any(covers(one, path) for one in wanted)
            name = what.upper() + ("_REPLACE" if replace else "")
            detailed[path] = PropertyDiff(kind=PropertyDiff.Kind.Value(name), inputDiff=True)
            if replace:
                replaces.append(path)
        return provider_pb2.DiffResponse(
            changes=some(detailed),
            diffs=list(detailed), replaces=replaces, detailedDiff=detailed, hasDetailedDiff=True,
            deleteBeforeReplace=bool(replaces) and self.named(kind, new),
        )  # fmt: skip

    async def Create(self, request: Any, context: Any) -> Any:
        kind, inputs = self._kind(request.type), plain(request.properties)
        if request.preview:
            await self._tried(Call(self.cloud, request.name, request.type, inputs), context)
            return provider_pb2.CreateResponse(properties=marked(kind, foreseen(kind, inputs)))
        try:
            words = self.configs[context.peer()] | {"guid": str(uuid.uuid4())} | inputs
            id_ = kind.id.format_map(Filled(words))
            call = Call(self.cloud, self.key(kind, request.type, id_, context), request.type, inputs)
            async with self.cloud.operation(kind, call):
                if not kind.singleton and self.cloud.get(call.id):
                    call.refuse("AlreadyExists", f"cannot create already existing resource '{id_}'")
                properties = await self._write("create", kind, call, context)
        except RefusedError as refused:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        await self._wait(kind, call, context, id_, properties)
        return provider_pb2.CreateResponse(id=id_, properties=marked(kind, properties))

    async def Update(self, request: Any, context: Any) -> Any:
        kind, inputs = self._kind(request.type), plain(request.news)
        if request.preview:
            before = plain(request.old_inputs)
            await self._tried(Call(self.cloud, request.name, request.type, inputs, before), context)
            known = {k: v for k, v in plain(request.olds).items() if k in kind.stable}
            return provider_pb2.UpdateResponse(properties=marked(kind, foreseen(kind, inputs) | known))
        before = plain(request.old_inputs)
        key = self.key(kind, request.type, request.id, context)
        call = Call(self.cloud, key, request.type, inputs, before)
        try:
            async with self.cloud.operation(kind, call):
                if self.cloud.get(call.id) is None:
                    call.refuse("ResourceNotFound", f"{request.id} does not exist any more")
                for path, _ in changes(before, inputs):
                    if any(covers(wanted, path) for wanted in kind.fixed):
                        call.refuse(kind.frozen, f"{path} cannot be changed in place")
                properties = await self._write("update", kind, call, context)
        except RefusedError as refused:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        await self._wait(kind, call, context, request.id, properties)
        return provider_pb2.UpdateResponse(properties=marked(kind, properties))

    async def Read(self, request: Any, context: Any) -> Any:
        kind = self._kind(request.type)
        found = self.cloud.get(self.key(kind, request.type, request.id, context))
        if found is None:
            return provider_pb2.ReadResponse()
        inputs = self.recalled(kind, found["inputs"], plain(request.inputs))
        outputs = shown(kind, inputs) | self.recalled(kind, found["outputs"], plain(request.properties))
        return provider_pb2.ReadResponse(
            id=request.id, inputs=marked(kind, inputs), properties=marked(kind, outputs)
        )

    async def Delete(self, request: Any, context: Any) -> Empty:
        kind = self._kind(request.type)
        key = self.key(kind, request.type, request.id, context)
        call = Call(self.cloud, key, request.type, plain(request.old_inputs))
        try:
            async with self.cloud.operation(kind, call):
                self._authorise(kind, call)
                for gone in (call.id, *(o["id"] for o in self.cloud.below(call.id))):
                    self._unused(gone, call)
                await self._sent("delete", call, context)
                self.log.append(("delete", call.id))
                self.cloud.drop(call.id, alone=kind.singleton)
                if kind.leaves:
                    kind.leaves(call)
        except RefusedError as refused:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        return Empty()

    # What one provider does in another way than others

    def kind(self, type_: str) -> Kind | None:
        return self.kinds.get(type_)

    def key(self, kind: Kind, type_: str, id_: str, context: Any) -> str:  # noqa: ARG002
        """Under what the cloud keeps an object: its id, with more where two types' ids can be equal."""
        return kind.prefix + id_

    def completed(self, type_: str, old: Props, new: Props, name: str) -> Props:  # noqa: ARG002
        """Inputs with what the provider itself fills in."""
        return new

    def problems(self, type_: str, new: Props) -> Iterator[tuple[str, str]]:
        """Each (property, reason) for which an input cannot be taken, whatever exists."""
        return schema.problems(type_, new)

    def named(self, kind: Kind, new: Props) -> bool:
        """Whether the program itself gave the name, so that a replacement has to be deleted first."""
        return bool(kind.name) and "__createBeforeDelete" not in new

    def replaced(self, kind: Kind, request: Any, context: Any) -> tuple[str, ...]:  # noqa: ARG002
        """Inputs whose change is a replacement."""
        return kind.replaces

    def broken(self, kind: Kind, request: Any, context: Any) -> tuple[str, ...]:  # noqa: ARG002
        """Inputs for whose sake an object is replaced without a change."""
        return ()

    def kept(self, kind: Kind, props: Props) -> Props:
        """What of an object is written to disk: nothing that is secret."""
        return {k: v for k, v in props.items() if k not in kind.hidden}

    def recalled(self, kind: Kind, kept: Props, known: Props) -> Props:
        """What was kept, with the hidden values that the state knows."""
        return kept | {key: known[key] for key in kind.hidden if key in known}

    # Helpers

    def _kind(self, type_: str) -> Kind:
        kind = self.kind(type_)
        assert kind, type_  # Check has refused it  # noqa: S101
        return kind

    async def _write(self, method: str, kind: Kind, call: Call, context: Any) -> Props:
        """Check as the cloud does, then keep the object; returns what the cloud answers."""
        if unknown(call.inputs):
            call.refuse("UnknownValue", "an input is still unknown")
        self._authorise(kind, call)
        for path in kind.references:
            for id_ in find(call.inputs, path):
                if self.cloud.get(id_) is None:
                    call.refuse("InvalidResourceReference", f"{path} is {id_}, which does not exist")
        for parent in parents(call.id):
            if self.cloud.get(parent) is None and not parent.endswith("/default"):  # it is always there
                missing = "ResourceGroup" if "/providers/" not in parent else "ParentResource"
                call.refuse(f"{missing}NotFound", f"{parent} does not exist")
        for check in (*self.always, *kind.checks):
            check(call)
        outputs = kind.outputs(call) | await self._sent(method, call, context)
        self.log.append((method, call.id))
        self.cloud.put(call.id, call.type, self.kept(kind, call.inputs), self.kept(kind, outputs))
        return shown(kind, call.inputs) | outputs

    async def _sent(self, method: str, call: Call, context: Any) -> Props:
        if self.behind is None:
            return {}
        return await asyncio.to_thread(self.behind, method, call, self.configs[context.peer()])

    async def _tried(self, call: Call, context: Any) -> None:
        """Ask in a preview whether the real server would take it."""
        if unknown(call.inputs) or unknown(self.configs[context.peer()]):
            return
        try:
            await self._sent("try", call, context)
        except RefusedError as refused:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refused))

    async def _wait(self, kind: Kind, call: Call, context: Any, id_: str, properties: Props) -> None:
        """Answer with an object that exists and does not work, if that is what came of it."""
        reason = kind.unready(call) if kind.unready else ""
        if reason:
            failed = provider_pb2.ErrorResourceInitFailed(
                id=id_,
                properties=marked(kind, properties),
                inputs=marked(kind, call.inputs),
                reasons=[reason],
            )
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
            status.details.add().Pack(failed)
            detail = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(grpc.StatusCode.UNKNOWN, reason, detail)

    def _authorise(self, kind: Kind, call: Call) -> None:
        caller = self.cloud.get("/caller")
        if kind.role and caller and not {kind.role, "Owner"} & set(caller["inputs"]["roles"]):
            name = caller["inputs"]["name"]
            call.refuse("AuthorizationFailed", f"{name} needs the role {kind.role} to write {call.id}")

    def _unused(self, id_: str, call: Call) -> None:
        """Nothing outside of what `call` deletes refers to the object, so that it may go."""
        found = self.cloud.get(id_)
        kind = self.kinds.get(found["type"]) if found else None
        for user in self.cloud.dependants(id_, self.kinds) if kind and not kind.singleton else ():
            if not user.startswith(call.id + "/"):
                call.refuse(kind.in_use if kind else "", f"{id_} is still used by {user}")

    def _auto_name(self, request: Any) -> str:
        proposed = request.autonaming.proposed_name
        return str(proposed) if proposed else f"{request.name}{secrets.token_hex(4)}"

    def _misnamed(self, kind: Kind, new: Props) -> list[tuple[str, str]]:
        name = new.get(kind.name) if kind.name else None
        if name is None or name == UNKNOWN or re.fullmatch(kind.pattern, str(name)):
            return []
        return [(kind.name, f"{name!r} is no name that the cloud takes ({kind.pattern})")]


def some(found: Any) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    return DIFF_SOME if found else DIFF_NONE


class Filled(dict[str, Any]):
    """Inputs for an id template: a missing one is a mistake of the table, said plainly."""

    def __missing__(self, key: str) -> str:
        raise RefusedError("MissingInput", f"{key} is not set")


def shown(kind: Kind, inputs: Props) -> Props:
    """Inputs as the cloud gives them back: without what it hides."""
    return {k: v for k, v in inputs.items() if k not in kind.hidden and not k.startswith("__")}


def foreseen(kind: Kind, inputs: Props) -> Props:
    """What a preview knows of the answer: inputs that come back as they are."""
    return {k: v for k, v in shown(kind, inputs).items() if k not in kind.reshaped}


def parents(id_: str) -> list[str]:
    """The ARM ids that one lies in: its group, its server. Other clouds' ids have none."""
    parts = id_.split("/")
    if parts[:2] != ["", "subscriptions"] or "providers" not in parts:
        return ["/".join(parts[:3])] if parts[:2] == ["", "subscriptions"] and len(parts) > 3 else []  # noqa: PLR2004
    start = len(parts) - 1 - parts[::-1].index("providers")
    above = ["/".join(parts[:start])] if start > 1 else []
    return above + ["/".join(parts[:end]) for end in range(start + 4, len(parts) - 1, 2)]
