"""Secrets that the program makes itself.

All of them are RandomPasswords or made from one: the ids of RandomUuid and RandomBytes are the value
itself, and an id is readable in Pulumi's state.
"""

import base64
import hashlib
import uuid

import pulumi_random as random
from pulumi import Output, Resource, ResourceOptions


def password(name: str, *, parent: Resource, rotation: str = "", length: int = 40) -> Output[str]:
    """Letters and digits, the same until `rotation` moves."""
    made = random.RandomPassword(
        name,
        length=length,
        special=False,  # it goes through files and environments
        keepers={"rotation": rotation} if rotation else None,
        opts=ResourceOptions(parent=parent),
    )
    secret: Output[str] = Output.secret(made.result)
    return secret


def random_uuid(name: str, *, parent: Resource, rotation: str = "") -> Output[str]:
    """A random UUID, which is how Consul's tokens look."""
    return password(name, parent=parent, rotation=rotation).apply(
        lambda text: str(uuid.UUID(bytes=_digest(text)[:16], version=4))
    )


def key(name: str, *, parent: Resource, rotation: str = "") -> Output[str]:
    """A key of 32 bytes, base64."""
    return password(name, parent=parent, rotation=rotation, length=64).apply(
        lambda text: base64.b64encode(_digest(text)).decode()
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
