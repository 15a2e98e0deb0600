"""Concourse's local users: the administrator, and one user for each team's programs."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pulumi_random as random
from pulumi import Output, ResourceOptions

from components.component import Component


class LocalUser(NamedTuple):
    """A user that logs in with a password instead of Entra."""

    name: str
    password: Output[str]
    hash: Output[str]
    """bcrypt hash of the password. It is the same at every run: a new one would restart all web nodes."""


class LocalUsers(Component):
    """Local users with generated passwords."""

    users: Mapping[str, LocalUser]
    """Users by name."""
    listed: Output[str]
    """The users in Concourse's format, with hashes instead of passwords; secret."""

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
            length=40,  # bcrypt reads at most 72 bytes
            special=False,  # a comma would separate entries in Concourse's list
            keepers={"rotation": rotation},
            opts=self.child,
        )
        return LocalUser(name, Output.secret(made.result), Output.secret(made.bcrypt_hash))
