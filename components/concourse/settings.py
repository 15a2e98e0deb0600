"""What a stack chooses about Concourse's web nodes."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.types import ConcourseName, DatabaseUser, Duration, Epoch, Quantity

CONNECTIONS_PER_WEB = 85
"""Database connections of one web node at worst: 50 backend, 10 API, 5 garbage collection,
1 worker, 6 locks, 5 for logins and 4 listeners, and a few to spare."""
LIMITS = {
    "limit-active-tasks": "maxActiveTasks",
    "limit-active-containers": "maxActiveContainers",
    "limit-active-volumes": "maxActiveVolumes",
}
"""Placement strategies that are nothing without a number, and whose number is nothing without them."""
Strategy = Literal[
    "volume-locality",
    "random",
    "fewest-build-containers",
    "limit-active-tasks",
    "limit-active-containers",
    "limit-active-volumes",
]


class WebSettings(Model):
    """Concourse's web nodes: its API, its user interface and its scheduler."""

    replicas: int = Field(default=2, ge=1)
    """Each takes up to 85 database connections."""
    cpu: Quantity = "500m"
    """Cores that a web node is sure of."""
    memory: Quantity = "1Gi"
    """Memory that a web node is sure of."""
    memory_limit: Quantity = "2Gi"
    """Memory at which it is ended."""


class EncryptionSettings(Model):
    """The key by which secrets in the database are encrypted, of 32 characters."""

    epochs: tuple[Epoch, ...] = Field(default=("2026-11",), min_length=1, max_length=5)
    """Months that keys were made in, the last of them the one in use.

    Earlier ones stay: a database restored from a backup may need them (docs/runbooks/encryption-key.md)."""
    rotating: bool = False
    """True while the database is being re-encrypted, from the last but one to the last; with one web node."""

    def rules(self) -> Iterable[Rule]:
        return (self._one_after_another, self._from_one_to_another)

    def _one_after_another(self) -> Iterator[Problem]:
        if list(self.epochs) != sorted(set(self.epochs)):
            yield Problem("epochs", "are not in order; each is once there, and later than the one before")

    def _from_one_to_another(self) -> Iterator[Problem]:
        if self.rotating and len(self.epochs) == 1:
            yield Problem("rotating", "there is no other key in epochs to come from; add one, or say false")


class LogSettings(Model):
    """How many build logs are kept. They lie in the database, and are most of it."""

    default_builds: int = Field(default=200, ge=0)
    """Logs of a job that says nothing; 0 for the most that there may be."""
    max_builds: int = Field(default=2000, ge=0)
    """The most logs of one job, whatever it says; 0 for no limit."""
    default_days: int = Field(default=30, ge=0)
    """Days for which logs of a job that says nothing are kept at least; 0 for none."""
    max_days: int = Field(default=0, ge=0)
    """The most days, whatever a job says; 0 for no limit."""

    def rules(self) -> Iterable[Rule]:
        return (self._default_below_max,)

    def _default_below_max(self) -> Iterator[Problem]:
        for key, default, most in (
            ("defaultBuilds", self.default_builds, self.max_builds),
            ("defaultDays", self.default_days, self.max_days),
        ):
            if most and default > most:
                yield Problem(key, f"{default} is more than the most of {most}; lower it or raise that")


class PlacementSettings(Model):
    """How a worker is chosen for a step."""

    strategies: tuple[Strategy, ...] = Field(default=("volume-locality",), min_length=1)
    """Asked in this order: the first leaves some workers, later ones choose among them."""
    max_active_tasks: int = Field(default=0, ge=0)
    """Tasks on a worker at once, with limit-active-tasks; a step waits where no worker has room."""
    max_active_containers: int = Field(default=0, ge=0)
    """Containers on a worker at once, with limit-active-containers. A worker itself stops at 250."""
    max_active_volumes: int = Field(default=0, ge=0)
    """Volumes on a worker at once, with limit-active-volumes."""

    def rules(self) -> Iterable[Rule]:
        return (self._random_alone, self._limits_have_numbers)

    def _random_alone(self) -> Iterator[Problem]:
        if "random" in self.strategies and len(self.strategies) > 1:
            yield Problem("strategies", "random leaves nothing to later ones; say it alone, or not at all")

    def _limits_have_numbers(self) -> Iterator[Problem]:
        numbers = (self.max_active_tasks, self.max_active_containers, self.max_active_volumes)
        for (strategy, key), number in zip(LIMITS.items(), numbers, strict=True):
            if strategy in self.strategies and not number:
                yield Problem(key, f"{strategy} limits nothing without it; give a number, such as 200")
            if number and strategy not in self.strategies:
                yield Problem(key, f"limits nothing without {strategy} in strategies; add that, or say 0")


class LoginSettings(Model):
    """How people log in by Entra."""

    scopes: tuple[Literal["openid", "profile", "email"], ...] = ("openid", "profile", "email")
    """What is asked for. With email, who has no mail address cannot log in."""
    user_name_key: Literal["preferred_username", "name"] = "preferred_username"
    """What in the token names a person. (Concourse's own default, username, Entra never sends.)"""
    duration: Duration = "12h"
    """For how long a login is good."""


class TimeoutSettings(Model):
    """How long a step may take that says nothing about it. A stuck one keeps its worker from going."""

    task: Duration = "4h"
    """Tasks."""
    get: Duration = "1h"
    """Fetching a resource."""
    put: Duration = "1h"
    """Publishing to a resource."""


class ConcourseSettings(Model):
    """Concourse itself, without its workers."""

    web: WebSettings = WebSettings()
    """The web nodes."""
    encryption: EncryptionSettings = EncryptionSettings()
    """The database's encryption key."""
    logs: LogSettings = LogSettings()
    """How many build logs are kept."""
    placement: PlacementSettings = PlacementSettings()
    """How a worker is chosen for a step."""
    login: LoginSettings = LoginSettings()
    """How people log in."""
    timeouts: TimeoutSettings = TimeoutSettings()
    """How long steps may take."""
    baggageclaim_response_header_timeout: Duration = "2m"
    """How long web waits for a worker to answer about a volume. Concourse's own default is 1m."""
    heartbeat_interval: Duration = "120s"
    """How often a worker says that it is there. One that was silent twice as long is given up: with 120s
    that takes 4 minutes. Concourse's own default is 30s."""
    check_interval: Duration = "1m"
    """How often a resource is checked that says nothing about it."""
    webhook_check_interval: Duration = "24h"
    """The same for a resource with a webhook, which tells of changes itself."""
    global_resources: bool = False
    """Whether teams share the versions found by the same check with the same credentials."""
    database_role: DatabaseUser = "concourse"
    """Concourse's own login of the database; the server's administrator is another."""
    administrator: ConcourseName = "admin"
    """Name of the local user that owns the main team: for this program, and when Entra is away."""
    rotation: Epoch = "2026-11"
    """Month of the passwords of local users and of the database role. A later one makes new ones."""
