"""Values of Concourse's chart for the web nodes that differ from its defaults."""

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi import Input

from components.azure.postgres import PORT
from components.concourse.database_role import DatabaseLogin
from components.concourse.settings import ConcourseSettings
from components.concourse.team_settings import SECRETS
from components.concourse.web_pods import pods
from components.concourse.web_secret import VaultLogin
from components.entra import OidcClient
from components.entra.settings import GroupClaims
from components.kubernetes.charts import CONCOURSE_IMAGE

Values = dict[str, Any]
AUDITED = ("Build", "Container", "Job", "Pipeline", "Resource", "System", "Team", "Worker", "Volume")
YEAR = 365 * 24 * 3600
SET_IN_SECRET = "in the Secret"  # noqa: S105 (a placeholder, not a secret)
"""Placeholder: the chart only checks that the value is not empty and reads the real one from the Secret."""


def values(  # noqa: PLR0913 (named, and each an input)
    settings: ConcourseSettings,
    *,
    cluster: str,
    url: str,
    database: DatabaseLogin,
    login: OidcClient,
    claims: GroupClaims,
    main_team: Input[str],
    team_keys: Iterable[str],
    vault: VaultLogin | None,
    account: Input[str],
    secret_checksum: Input[str],
    nodes: Mapping[str, str],
) -> Values:
    """`team_keys` are the teams with workers of their own, `nodes` the labels of the nodes for web pods."""
    return {
        **image(),
        "concourse": {
            "enableServiceLinks": False,
            "web": {
                "clusterName": cluster,
                "logClusterName": True,
                "externalUrl": url,
                **_builds(settings),
                **{f"enable{what}Auditing": True for what in AUDITED},
                "encryption": {"enabled": True},
                "postgres": {
                    "host": database.host,
                    **({"port": database.port} if database.port != PORT else {}),
                    "database": database.database,
                    "sslmode": database.ssl_mode,
                    "applicationName": cluster,
                },
                "auth": _auth(settings, login, claims, main_team),
                "strictTransportPolicy": f"max-age={YEAR}",
                **(_vault(vault) if vault else _kubernetes()),
                "metrics": {"captureErrorMetrics": True},
                "prometheus": {"enabled": True},
                "tsa": {"heartbeatInterval": settings.heartbeat_interval},
            },
        },
        "web": pods(settings, secret_checksum, nodes, vault=bool(vault)),
        "worker": {"enabled": False},
        "persistence": {"enabled": False},
        "postgresql": {"enabled": False, "service": {"enabled": False}},
        "rbac": {"create": False, "webServiceAccountName": account},
        "secrets": {
            "create": False,
            "postgresCaCert": SET_IN_SECRET,
            "teamAuthorizedKeys": [{"team": team, "key": SET_IN_SECRET} for team in team_keys],
            **({"oldEncryptionKey": SET_IN_SECRET} if settings.encryption.rotating else {}),
            **BLANK_PUBLISHED_KEYS,
        },
    }


BLANK_PUBLISHED_KEYS = dict.fromkeys(
    ("hostKey", "hostKeyPub", "sessionSigningKey", "workerKey", "workerKeyPub", "localUsers"), ""
)
"""The chart's default keys are public. Our Secrets replace them; blanking them makes sure of that."""


def image() -> Values:
    """Concourse's image; the chart's default version lets one team read another's secrets."""
    return {
        "image": CONCOURSE_IMAGE.repository,
        "imageTag": CONCOURSE_IMAGE.tag,
        **({"imageDigest": CONCOURSE_IMAGE.digest} if CONCOURSE_IMAGE.digest else {}),
    }


def _builds(settings: ConcourseSettings) -> Values:
    return {
        "containerPlacementStrategies": list(settings.container_placement_strategies),
        **_nonzero(
            limitActiveTasks=settings.limit_active_tasks,
            limitActiveContainers=settings.limit_active_containers,
            limitActiveVolumes=settings.limit_active_volumes,
            defaultBuildLogsToRetain=settings.default_build_logs_to_retain,
            maxBuildLogsToRetain=settings.max_build_logs_to_retain,
            defaultDaysToRetainBuildLogs=settings.default_days_to_retain_build_logs,
            maxDaysToRetainBuildLogs=settings.max_days_to_retain_build_logs,
        ),
        "baggageclaimResponseHeaderTimeout": settings.baggageclaim_response_header_timeout,
        "defaultTaskTimeout": settings.default_task_timeout,
        "defaultGetTimeout": settings.default_get_timeout,
        "defaultPutTimeout": settings.default_put_timeout,
        "resourceCheckingInterval": settings.resource_checking_interval,
        "resourceWithWebhookCheckingInterval": settings.resource_with_webhook_checking_interval,
        "interceptIdleTimeout": "30m",
        "enableGlobalResources": settings.enable_global_resources,
        # A worker disappears together with its node.
        "enableBuildRerunWhenWorkerDisappears": True,
        "enableCacheStreamedVolumes": True,
        "streamingArtifactsCompression": "zstd",
    }


def _nonzero(**numbers: int) -> Values:
    """The numbers that are not 0; 0 stands for Concourse's default."""
    return {name: number for name, number in numbers.items() if number}


def _auth(
    settings: ConcourseSettings, login: OidcClient, claims: GroupClaims, main_team: Input[str]
) -> Values:
    return {
        "cookieSecure": True,
        "duration": settings.login.duration,
        "mainTeam": {"localUser": "", "config": main_team},
        "oidc": {
            "enabled": True,
            "displayName": "Entra",
            "issuer": login.issuer,
            "scope": ",".join(settings.login.scopes),
            "groupsKey": "roles" if claims == "AppRoles" else "groups",
            "userNameKey": settings.login.user_name_key,
            "skipEmailVerifiedValidation": True,  # Entra sends no such claim; else nobody could log in
            "disableGetUserInfo": True,  # saves a call to Microsoft per login that returns nothing new
        },
    }


def _kubernetes() -> Values:
    """Secrets of the team `payments` are those in the namespace `team-payments`, and no others.

    Concourse splits `<namespace>:<pipeline>.<name>` at the colon and asks the API server for one name, so the
    name of a pipeline reaches no other namespace (atc/creds/kubernetes/kubernetes.go).
    """
    return {"kubernetes": {"enabled": True, "namespacePrefix": SECRETS, "createTeamNamespaces": False}}


def _vault(vault: VaultLogin) -> Values:
    return {
        "kubernetes": {"enabled": False, "createTeamNamespaces": False},
        "vault": {
            "enabled": True,
            "url": vault.url,
            "serverName": vault.server_name,
            "pathPrefix": "/secret/concourse",
            "sharedPath": "shared",
            # Not by pipeline: Concourse puts a pipeline's name into the path as it is, and "..", to which any
            # member can rename a pipeline, reaches the secrets of other teams (docs/trust.md).
            "lookupTemplates": ["/{{.Team}}/{{.Secret}}"],
            "authBackend": "approle",
            "useAuthParam": True,
            "useCaCert": True,
        },
        # No cache of secrets: its key is "token" for the identity tokens of all builds, so one team would get
        # those of another (docs/trust.md; a rule of policy/ refuses it).
        "secretRetryAttempts": 2,  # Vault's client also retries
    }
