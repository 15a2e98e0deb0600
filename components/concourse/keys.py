"""Keys of Concourse: for logins, between web nodes and workers, and for encryption in the database."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pulumi_random as random
import pulumi_tls as tls
from pulumi import Input, Output, ResourceOptions

from components.azure import AzureContext, key_vault_secret
from components.component import Component, after

LENGTH = 32
"""Length of an encryption key. Concourse uses its bytes unchanged, and 32 bytes are an AES-256 key."""


class KeyPair(NamedTuple):
    """A key pair in the formats that Concourse reads."""

    private: Output[str]
    """PEM; secret."""
    public: Output[str]
    """A line of OpenSSH's authorized_keys."""


class ConcourseKeys(Component):
    """All keys of one Concourse.

    The chart's default keys are public: with them, anybody could register a worker or log in as any user.
    """

    session: KeyPair
    """Signs login tokens."""
    host: KeyPair
    """Host key by which workers identify the web nodes."""
    pools: Mapping[str, KeyPair]
    """Keys by which web nodes identify workers, one for each pool."""
    encryption: Output[str]
    """Key that encrypts secrets in the database."""
    previous: Output[str]
    """Previous encryption key, or the current one if there is no previous key."""

    def __init__(
        self,
        name: str,
        *,
        pools: Iterable[str],
        epochs: Iterable[str],
        context: AzureContext,
        vault: Input[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`vault` is the name of the key vault that stores copies of the encryption keys."""
        super().__init__(name, opts)
        self.session = self._pair(f"{name}-session")
        self.host = self._pair(f"{name}-host")
        self.pools = {pool: self._pair(f"{name}-{pool}") for pool in pools}
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
