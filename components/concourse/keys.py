"""Concourse's keys: whom its parts, its users and its database trust."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pulumi_random as random
import pulumi_tls as tls
from pulumi import Input, Output, ResourceOptions

from components.azure import AzureContext, key_vault_secret
from components.component import Component, after

LENGTH = 32
"""Characters of an encryption key. Concourse takes its bytes as they are, and 32 are an AES-256 key."""


class KeyPair(NamedTuple):
    """Two halves of a key, as Concourse reads them."""

    private: Output[str]
    """PEM, secret."""
    public: Output[str]
    """A line of OpenSSH's authorized_keys."""


class ConcourseKeys(Component):
    """All keys of one Concourse. The chart's own are published: whoever has them is a worker, or anybody."""

    session: KeyPair
    """Signs logins."""
    host: KeyPair
    """Web's, by which workers know it."""
    pools: Mapping[str, KeyPair]
    """Workers', by which web knows them: one for each pool."""
    encryption: Output[str]
    """Of what is secret in the database."""
    previous: Output[str]
    """The one before, or this one where there was none before."""

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
        """`vault` is the name of the key vault that the encryption keys are kept in as well."""
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
        """A key without which the database's secrets are lost, and a second place where it is."""
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
            what="Encryption key of Concourse's database",
            parent=self,
        )
        # Nothing is encrypted by a key of which there is one copy.
        return Output.secret(after(key.result, copy))
