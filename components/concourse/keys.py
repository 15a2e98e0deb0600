"""Keys of Concourse: for logins, between web nodes and workers, and for encryption in the database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pulumi_random as random
import pulumi_tls as tls
from pulumi import Input, Output, ResourceOptions

from components.azure import AzureContext, key_vault_secret
from components.component import Component, after
from components.config.rotation import Rotation, of_epoch

LENGTH = 32
"""Length of an encryption key. Concourse uses its bytes unchanged, and 32 bytes are an AES-256 key."""


class KeyPair(NamedTuple):
    """A key pair in the formats that Concourse reads."""

    private: Output[str]
    """PEM; secret."""
    public: Output[str]
    """A line of OpenSSH's authorized_keys."""


def key_lines(public_keys: Iterable[Output[str]]) -> Output[str]:
    """Public keys in the form of an authorized_keys file."""
    return Output.all(*public_keys).apply(lambda keys: "".join(f"{str(key).strip()}\n" for key in keys))


class ConcourseKeys(Component):
    """All keys of one Concourse.

    The chart's default keys are public: with them, anybody could register a worker or log in as any user.
    """

    session: KeyPair
    """Signs login tokens."""
    host: KeyPair
    """Host key of the web nodes: in a rotation the previous one, because workers must first know the new."""
    host_keys: Output[str]
    """Public host keys that workers accept, in the form of an authorized_keys file."""
    pools: Mapping[str, KeyPair]
    """Keys by which workers register, one for each pool."""
    pool_keys: Mapping[str, Sequence[Output[str]]]
    """Public keys of each pool that the web nodes accept."""
    encryption: Output[str]
    """Key that encrypts secrets in the database."""
    previous: Output[str]
    """Previous encryption key, or the current one if there is no previous key."""

    def __init__(
        self,
        name: str,
        *,
        pools: Iterable[str],
        rotation: Rotation,
        epochs: Iterable[str],
        context: AzureContext,
        vault: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`vault` is the name of the key vault that stores copies of the encryption keys."""
        super().__init__(name, opts)
        self.session = self._pair(of_epoch(f"{name}-session", rotation.rotation))
        hosts = [self._pair(of_epoch(f"{name}-host", epoch)) for epoch in rotation.epochs]
        self.host, self.host_keys = hosts[-1], key_lines(host.public for host in hosts)
        made = {
            pool: [self._pair(of_epoch(f"{name}-{pool}", epoch)) for epoch in rotation.epochs]
            for pool in pools
        }
        self.pools = {pool: pairs[0] for pool, pairs in made.items()}
        self.pool_keys = {pool: [pair.public for pair in pairs] for pool, pairs in made.items()}
        keys = [self._encryption(f"{name}-encryption-{epoch}", context, vault) for epoch in epochs]
        self.encryption, self.previous = keys[-1], keys[max(len(keys) - 2, 0)]
        self.register_outputs({})

    def _pair(self, name: str) -> KeyPair:
        key = tls.PrivateKey(name, algorithm="RSA", rsa_bits=4096, opts=self.child)
        return KeyPair(Output.secret(key.private_key_pem), key.public_key_openssh)

    def _encryption(self, name: str, context: AzureContext, vault: Input[str]) -> Output[str]:
        """An encryption key and its copy in the key vault: without it, the database's secrets are lost."""
        key = random.RandomPassword(
            name,
            length=LENGTH,
            special=False,
            opts=ResourceOptions(parent=self, protect=context.protected),
        )
        copy = key_vault_secret(
            name,
            key.result,
            context=context,
            vault=vault,
            content_type="Encryption key of Concourse's database",
            parent=self,
        )
        # Nothing is encrypted before the second copy of the key exists.
        return Output.secret(after(key.result, copy))
