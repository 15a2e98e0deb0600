"""Settings of Concourse's web nodes."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from components.config.model import Model, Problem, Rule
from components.config.rotation import Rotation
from components.config.types import FIRST_EPOCH, ConcourseName, DatabaseUser, Duration, Epoch, Quantity

CONNECTIONS_PER_WEB = 85
"""Maximum number of database connections of one web node: 50 backend, 10 API, 5 garbage collection, 1 worker,
6 locks, 5 for logins and 4 listeners, plus a small margin."""
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
    """Number of web nodes. Each opens up to 85 database connections."""
    cpu: Quantity = "500m"
    """CPU request of each web node."""
    memory: Quantity = "1Gi"
    """Memory request of each web node."""
    memory_limit: Quantity = "2Gi"
    """Memory limit of each web node; it is killed when it exceeds this."""


class EncryptionSettings(Model):
    """The 32-character key that encrypts secrets in the database."""

    epochs: tuple[Epoch, ...] = Field(default=("2026-11",), min_length=1, max_length=5)
    """Months in which keys were generated, in order. The last key is the one in use.

    Keep earlier ones: a database restored from a backup may need them (docs/runbooks/encryption-key.md)."""
    rotating: bool = False
    """True while the database is being re-encrypted from the second-to-last key to the last. Set
    web.replicas to 1 for this time (docs/runbooks/encryption-key.md). A rotation adds one epoch."""

    def rules(self) -> Iterable[Rule]:
        return (self._one_after_another, self._from_one_to_another)

    def _one_after_another(self) -> Iterator[Problem]:
        if list(self.epochs) != sorted(set(self.epochs)):
            yield Problem("epochs", "must be in order; list each month once, the latest last")

    def _from_one_to_another(self) -> Iterator[Problem]:
        if self.rotating and len(self.epochs) == 1:
            yield Problem(
                "rotating", "there is no earlier key in epochs to rotate from; add one, or set false"
            )


class KeySettings(Rotation):
    """The keys between web nodes and workers, and the key that signs logins (docs/runbooks/rotations.md)."""

    rotation: Epoch = FIRST_EPOCH
    """Month of the keys. To rotate them, set a later month and put the old one in `previous`."""
    previous: Epoch | None = None
    """Earlier month whose keys stay valid: workers' keys of both months register, and web nodes still
    identify themselves by the old one. Remove it in a later update, after all workers have restarted."""


class LoginSettings(Model):
    """How people log in through Entra."""

    scopes: tuple[Literal["openid", "profile", "email"], ...] = ("openid", "profile", "email")
    """OpenID Connect scopes to request. With email, a person without a mail address cannot log in."""
    user_name_key: Literal["preferred_username", "name"] = "preferred_username"
    """Token claim used as the user name. (Entra never sends username, Concourse's own default.)"""
    duration: Duration = "12h"
    """How long a login stays valid."""


class ConcourseSettings(Model):
    """Concourse itself, without its workers."""

    web: WebSettings = WebSettings()
    """The web nodes."""
    encryption: EncryptionSettings = EncryptionSettings()
    """The key that encrypts secrets in the database."""
    keys: KeySettings = KeySettings()
    """The keys between web nodes and workers, and the key that signs logins."""
    max_build_logs_to_retain: int = Field(default=2000, ge=0)
    """Maximum number of build logs per job; 0 sets no limit. Build logs take up most of the database."""
    default_build_logs_to_retain: int = Field(default=200, ge=0)
    """Number of build logs kept for a job that does not set its own; 0 keeps `maxBuildLogsToRetain`."""
    default_days_to_retain_build_logs: int = Field(default=30, ge=0)
    """Days for which build logs are kept for a job that does not set its own; 0 sets no limit."""
    max_days_to_retain_build_logs: int = Field(default=0, ge=0)
    """Maximum number of days for which a job's build logs are kept; 0 sets no limit."""
    container_placement_strategies: tuple[Strategy, ...] = Field(default=("volume-locality",), min_length=1)
    """Strategies that choose the worker of a step, in order: each narrows the choice of the one before."""
    limit_active_tasks: int = Field(default=0, ge=0)
    """Maximum number of tasks on a worker, for the strategy limit-active-tasks. A step waits until a
    worker has capacity."""
    limit_active_containers: int = Field(default=0, ge=0)
    """Maximum number of containers on a worker, for the strategy limit-active-containers. A worker's own
    limit is 250."""
    limit_active_volumes: int = Field(default=0, ge=0)
    """Maximum number of volumes on a worker, for the strategy limit-active-volumes."""
    login: LoginSettings = LoginSettings()
    """How people log in."""
    default_task_timeout: Duration = "4h"
    """Timeout of a task that does not set its own. Without one, a stuck step would block a worker's drain."""
    default_get_timeout: Duration = "1h"
    """Timeout of a get step that does not set its own."""
    default_put_timeout: Duration = "1h"
    """Timeout of a put step that does not set its own."""
    baggageclaim_response_header_timeout: Duration = "2m"
    """How long a web node waits for a worker's response about a volume. Concourse's own default is 1m."""
    heartbeat_interval: Duration = "120s"
    """Interval of a worker's heartbeat. A worker is considered lost after twice this time without one:
    with 120s, after 4 minutes. Concourse's own default is 30s."""
    resource_checking_interval: Duration = "1m"
    """How often a resource is checked if it sets no interval."""
    resource_with_webhook_checking_interval: Duration = "24h"
    """How often a resource with a webhook is checked; the webhook triggers a check on each change."""
    enable_global_resources: bool = False
    """Whether teams share the versions found by identical checks with identical credentials."""
    database_role: DatabaseUser = "concourse"
    """Database role that Concourse logs in with, separate from the server's administrator."""
    administrator: ConcourseName = "admin"
    """Name of the local user that owns the main team, used by this program and when Entra is unavailable."""
    rotation: Epoch = "2026-11"
    """Month of the passwords of local users and of the database role. A later month generates new ones."""

    def rules(self) -> Iterable[Rule]:
        return (self._defaults_below_limits, self._random_is_alone, self._limits_have_strategies)

    def _defaults_below_limits(self) -> Iterator[Problem]:
        for key, default, limit in (
            ("defaultBuildLogsToRetain", self.default_build_logs_to_retain, self.max_build_logs_to_retain),
            (
                "defaultDaysToRetainBuildLogs",
                self.default_days_to_retain_build_logs,
                self.max_days_to_retain_build_logs,
            ),
        ):
            if limit and default > limit:
                maximum = key.replace("default", "max", 1)
                yield Problem(key, f"{default} is more than {maximum} ({limit}); lower it or raise the limit")

    def _random_is_alone(self) -> Iterator[Problem]:
        strategies = self.container_placement_strategies
        if "random" in strategies and len(strategies) > 1:
            text = "random makes the other strategies useless; set only random, or remove it"
            yield Problem("containerPlacementStrategies", text)

    def _limits_have_strategies(self) -> Iterator[Problem]:
        for strategy, key, limit in (
            ("limit-active-tasks", "limitActiveTasks", self.limit_active_tasks),
            ("limit-active-containers", "limitActiveContainers", self.limit_active_containers),
            ("limit-active-volumes", "limitActiveVolumes", self.limit_active_volumes),
        ):
            used = strategy in self.container_placement_strategies
            if used and not limit:
                yield Problem(key, f"{strategy} has no effect without a limit; set one, such as 200")
            if limit and not used:
                text = f"has no effect without {strategy} in containerPlacementStrategies; add it, or set 0"
                yield Problem(key, text)
