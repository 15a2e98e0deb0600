"""Generated secrets.

All of them are a RandomPassword or derived from one. RandomUuid and RandomBytes have the value as their id,
and ids are not encrypted in Pulumi's state.
"""

import base64
import hashlib
import uuid

import pulumi_random as random
from pulumi import Output, Resource, ResourceOptions


def password(name: str, *, parent: Resource, rotation: str = "", length: int = 40) -> Output[str]:
    """A password of letters and digits, which changes with `rotation`."""
    made = random.RandomPassword(
        name,
        length=length,
        special=False,  # it is passed in files and environment variables
        keepers={"rotation": rotation} if rotation else None,
        opts=ResourceOptions(parent=parent),
    )
    secret: Output[str] = Output.secret(made.result)
    return secret


def random_uuid(name: str, *, parent: Resource, rotation: str = "") -> Output[str]:
    """A random UUID: the format of Consul's tokens."""
    return password(name, parent=parent, rotation=rotation).apply(
        lambda text: str(uuid.UUID(bytes=_digest(text)[:16], version=4))
    )


def random_key(name: str, *, parent: Resource, rotation: str = "") -> Output[str]:
    """A random key of 32 bytes, in base64."""
    return password(name, parent=parent, rotation=rotation, length=64).apply(
        lambda text: base64.b64encode(_digest(text)).decode()
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
