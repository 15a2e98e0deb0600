"""Secrets and logins: where they are, when they end, and which there should be none of."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from policy.rule import (
    STACK,
    AnyRule,
    Place,
    Resource,
    anywhere,
    at,
    chart_of,
    rule,
    stack_rule,
    value_at,
    variables,
    walk,
)

RELEASE = "kubernetes:helm.sh/v3:Release"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
ACCOUNT = "azure-native:storage:StorageAccount"
CLUSTER = "azure-native:containerservice:ManagedCluster"
PASSWORD = "azuread:index/applicationPassword:ApplicationPassword"  # noqa: S105 a type
CERTIFICATE = "azuread:index/applicationCertificate:ApplicationCertificate"
APPROLE = "vault:appRole/authBackendRole:AuthBackendRole"
KEYED = ("charts",)
"""Storage accounts whose client only knows keys: ChartMuseum has no other login to Azure
(github.com/chartmuseum/storage, microsoft.go)."""
LONGEST_HOURS = 8784
"""A year: the longest time that a password of Entra may be valid."""
SECRET_KEY = re.compile(
    r"(password|passwd|_pass|token|private_?key|access_?key|api_?key|signing_?key|client_?secret|secret_?id"
    r"|(host|worker|encryption)_?key|connection_?string|webhook(_?url)?|slack_api_url|local_?users?)$",
    re.IGNORECASE,
)
"""Names of values that are secrets."""
REFERENCES = re.compile(r"(mappings|secretKeyRef|checksum/[\w.-]*)$", re.IGNORECASE)
"""Parents whose values name a Secret or its keys, and hashes."""
IN_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bhttps://hooks\.slack\.com/services/\w"
    r"|\b[a-z][a-z0-9+.-]*://[^\s/:@{}$]*:[^\s/@{}$]+@"  # a login in a URL
    r"|\bAccountKey=[A-Za-z0-9+/=]{20,}|\bhv[sbr]\.[A-Za-z0-9_-]{20,}|\bghp_[A-Za-z0-9]{30,}"
)
"""Texts that are secrets wherever they are."""
DEFAULTS: Mapping[str, Sequence[tuple[str, object]]] = {
    # chart: values that replace what its values.yaml has, and what they are; None for anything at all
    "concourse": (
        ("secrets.create", False),  # else keys from values.yaml, which everybody can read
        ("secrets.localUsers", ""),  # test:test
        ("postgresql.enabled", False),  # a database with a password from values.yaml
    ),
    "grafana": (("admin.existingSecret", None),),
    "influxdb2": (("adminUser.existingSecret", None),),
    "consul": (("global.acls.manageSystemACLs", True), ("global.acls.bootstrapToken.secretName", None),
               ("global.gossipEncryption.secretName", None)),
    "chartmuseum": (("env.existingSecret", None),),
    "eck-elasticsearch": (("auth.disableElasticUser", True),),
    "elastalert2": (("elasticsearch.credentialsSecret", None),),
}  # fmt: skip


SET_IN_SECRET = "in the Secret"  # noqa: S105 (a placeholder, not a secret)
"""What the chart wants to see of a key that it takes from a Secret (components/concourse/web_values.py)."""


def _plain(resource: Resource) -> Iterator[Place]:
    """What everybody reads who may read Helm's records, ConfigMaps or pods."""
    if not resource.type.startswith((RELEASE, CONFIG_MAP, "kubernetes:batch/", "kubernetes:apps/")):
        return
    for path in sorted(resource.secrets):
        yield Place(resource, path, lambda: None)
    for path, value in walk(resource.inputs):
        if isinstance(value, str) and value:
            yield Place(resource, path, partial(str, value))
    yield from variables(SECRET_KEY.search)(resource)


@rule(
    "no-plain-secrets",
    _plain,
    demands="No secret is in the values of a release, a ConfigMap or a container's variables.",
    why="Whoever may list releases, ConfigMaps or pods could read it, and Helm keeps it for each revision.",
    comply="Make a Secret (components/kubernetes/secret.py), and give the chart its name and key.",
)
def no_plain_secrets(place: Place) -> str | None:
    value = place.value
    if value is None:
        return f"{place.path} is a secret of the program"
    if value == SET_IN_SECRET:
        return None
    parent, _, name = place.path.rpartition(".")
    if _secret(name, parent, value):
        return f"{place.path} is set in plain text"
    return f"{place.path} has a secret in its text" if IN_TEXT.search(value) else None


def _secret(name: str, parent: str, value: str) -> bool:
    """Whether a value is a secret by its name. Variables ($X) and paths of files are not."""
    looks = SECRET_KEY.search(name) and not REFERENCES.search(parent) and not REFERENCES.search(name)
    return bool(looks and value and "\n" not in value and not value.startswith(("$", "/", "{{")))


@stack_rule(
    "no-secret-outputs",
    demands="No output of the stack is a secret.",
    why="Outputs are for people and other programs: they end up in logs and pull requests.",
    comply="Write the secret to Key Vault or a Kubernetes Secret, and export its name.",
)
def no_secret_outputs(resources: Sequence[Resource]) -> Iterable[tuple[Resource, str]]:
    for stack in (each for each in resources if each.type == STACK):
        for path in sorted(stack.secrets):
            yield stack, f"the output {path} is a secret of the program"
        for path, value in walk(stack.inputs):
            name = path.rpartition(".")[2]
            if isinstance(value, str) and (_secret(name, "", value) or IN_TEXT.search(value)):
                yield stack, f"the output {path} is a secret"


def _defaults(resource: Resource) -> Iterator[Place]:
    if resource.type != RELEASE:
        return
    for path, wanted in DEFAULTS.get(chart_of(resource), ()):
        read = partial(value_at, resource.inputs, f"values.{path}")
        yield Place(resource, f"values.{path}", partial(_there, read) if wanted is None else read)


def _there(read: Callable[[], Any]) -> bool | None:
    """True if there is a value, known or not."""
    try:
        return bool(read()) or None
    except UnknownValueError:
        return True


@rule(
    "no-default-logins",
    _defaults,
    demands="No chart keeps the login, key or open door that it has by default.",
    why="They are the first that anybody tries: `test:test` is Concourse's.",
    comply="Give the chart the name of a Secret, as the values of policy/credentials.py say.",
)
def no_default_logins(place: Place) -> str | None:
    wanted = dict(DEFAULTS[chart_of(place.resource)])[place.path.removeprefix("values.")]
    good = bool(place.value) if wanted is None else place.value == wanted
    return None if good else f"{place.path} is {place.value!r}"


@rule(
    "credentials-expire",
    anywhere(
        at(PASSWORD, "endDateRelative"),
        at(CERTIFICATE, "endDateRelative"),
        at(APPROLE, "tokenTtl"),
    ),
    demands="Passwords of Entra end within a year; tokens of approles have a time to live.",
    why="A credential that leaked, or that nobody remembers, must stop working by itself.",
    comply="Set `end_date_relative` (hours, such as 4320h), and `token_ttl` or `token_period`.",
)
def credentials_expire(place: Place) -> str | None:
    inputs = place.resource.inputs
    if place.resource.type == APPROLE:
        lives = any(
            inputs.get(key) for key in ("tokenTtl", "tokenPeriod", "tokenMaxTtl", "tokenExplicitMaxTtl")
        )
        return None if lives else "it has neither tokenTtl nor tokenPeriod"
    hours = re.fullmatch(r"(\d+)h", str(place.value))
    if hours and int(hours[1]) <= LONGEST_HOURS:
        return None
    return f"endDateRelative is {place.value}: {LONGEST_HOURS}h is the longest"


@rule(
    "no-shared-keys",
    at(ACCOUNT, "allowSharedKeyAccess"),
    demands="Only the account of ChartMuseum, which knows no other login, takes account keys.",
    why="A key opens the whole account, names nobody in logs, and never ends.",
    comply="Set `allow_shared_key_access` to false, and use a managed identity.",
)
def no_shared_keys(place: Place) -> str | None:
    if place.value is False or place.resource.name in KEYED:
        return None
    return f"allowSharedKeyAccess is {place.value}"


@rule(
    "managed-identities",
    at(
        CLUSTER,
        "disableLocalAccounts",
        "aadProfile.managed",
        "aadProfile.enableAzureRBAC",
        "oidcIssuerProfile.enabled",
        "securityProfile.workloadIdentity.enabled",
        "identity.type",
        "servicePrincipalProfile",
    ),
    demands="The cluster and its pods use managed identities; people log in with Entra.",
    why="Local accounts and service principals are passwords that nobody rotates.",
    comply="Leave local accounts off, and Entra, Azure RBAC, the OIDC issuer and workload identity on.",
)
def managed_identities(place: Place) -> str | None:
    if place.path == "servicePrincipalProfile":
        good = value_at(place.value, "clientId") in {None, "msi"}
    elif place.path == "identity.type":
        good = place.value in {"UserAssigned", "SystemAssigned"}
    else:
        good = place.value is True
    return None if good else f"{place.path} is {place.value}"


RULES: list[AnyRule] = [
    no_plain_secrets,
    no_secret_outputs,
    no_default_logins,
    credentials_expire,
    no_shared_keys,
    managed_identities,
]
