"""What the random and tls providers make: values that live in Pulumi's state and in no cloud."""

import secrets
import string
import uuid
from typing import Any

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from rehearsal.kinds import Call, Kind, Props
from rehearsal.provider import Provider, foreseen, plain, struct


class Generator(Provider):
    """A provider without a cloud: what it once made is what the state says."""

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        kind, inputs = self.kinds[request.type], plain(request.properties)
        properties = foreseen(kind, inputs)
        if not request.preview:
            properties |= kind.outputs(Call(self.cloud, kind.id, request.type, inputs))
        id_ = "" if request.preview else kind.id
        return provider_pb2.CreateResponse(id=id_, properties=struct(properties))

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    async def Delete(self, request: Any, context: Any) -> Empty:  # noqa: ARG002
        return Empty()


def password(call: Call) -> Props:
    alphabet = string.ascii_letters + string.digits
    if call.inputs.get("special", True):
        alphabet += call.inputs.get("overrideSpecial", "!@#$%&*()-_=+[]{}<>:?")
    result = "".join(secrets.choice(alphabet) for _ in range(int(call.inputs["length"])))
    return {"result": result, "bcryptHash": ""}


def guid(_: Call) -> Props:
    return {"result": str(uuid.uuid4())}


KINDS: dict[str, Kind] = {
    "random:index/randomPassword:RandomPassword": Kind(
        id="none",
        outputs=password,
        replaces=("length", "special", "overrideSpecial", "keepers", "upper", "lower", "numeric",
                  "minUpper", "minLower", "minNumeric", "minSpecial"),
    ),
    "random:index/randomUuid:RandomUuid": Kind(id="none", outputs=guid, replaces=("keepers",)),
}  # fmt: skip
