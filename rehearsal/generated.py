"""What the random and tls providers make: values that live in the state and nowhere else."""

import secrets
import string
import uuid

from rehearsal.kinds import Call, Kind, Props


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
        id="none", outputs=password, seconds=0, replaces=("length", "special", "overrideSpecial", "keepers")
    ),
    "random:index/randomUuid:RandomUuid": Kind(id="none", outputs=guid, seconds=0, replaces=("keepers",)),
}
