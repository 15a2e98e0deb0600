"""Concourse's local users: its administrator, and one for each team's programs."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pulumi_random as random
from pulumi import Output, ResourceOptions

from components.component import Component


class LocalUser(NamedTuple):
    """How somebody logs in without Entra."""

    name: str
    password: Output[str]
    hash: Output[str]
    """bcrypt's, the same at every run: with another one all web nodes would restart."""


class LocalUsers(Component):
    """Local users with passwords that nobody chose."""

    users: Mapping[str, LocalUser]
    """By name."""
    listed: Output[str]
    """As Concourse reads them, without passwords; secret."""

    def __init__(
        self, name: str, users: Iterable[str], *, rotation: str, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.users = {user: self._user(user, rotation) for user in users}
        hashes = Output.all(**{user.name: user.hash for user in self.users.values()})
        self.listed = Output.secret(
            hashes.apply(lambda all_: ",".join(f"{user}:{all_[user]}" for user in sorted(all_)))
        )
        self.register_outputs({})

    def _user(self, name: str, rotation: str) -> LocalUser:
        made = random.RandomPassword(
            f"user-{name}",
            length=40,  # bcrypt reads 72 bytes
            special=False,  # a comma would end it in Concourse's list
            keepers={"rotation": rotation},
            opts=self.child,
        )
        return LocalUser(name, Output.secret(made.result), Output.secret(made.bcrypt_hash))
