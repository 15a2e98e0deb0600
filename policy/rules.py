"""Rules for every resource. Pure functions, assembled by the policy pack and called by the tests."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

TAGS = ("environment", "owner", "cost-center", "managed-by")
VERIFIED = ("verify-ca", "verify-full")
"""PostgreSQL client modes that verify the server's certificate (libpq's sslmode)."""
ENFORCED = {
    "require_secure_transport": ("on",),
    "ssl_min_protocol_version": ("TLSv1.2", "TLSv1.3"),
}
"""Server parameters that enforce encrypted connections, and their permitted values."""

HOLDS_DATA = frozenset({
    "azure-native:containerservice:ManagedCluster",  # its disks
    "azure-native:dbforpostgresql:Database",
    "azure-native:dbforpostgresql:Server",
    "azure-native:dns:Zone",  # a new one has other name servers
    "azure-native:keyvault:Key",
    "azure-native:keyvault:Secret",
    "azure-native:keyvault:Vault",
    "azure-native:network:PublicIPAddress",  # in other parties' allow lists
    "azure-native:storage:BlobContainer",
    "azure-native:storage:StorageAccount",
    # Teams and programs refer to their IDs, which a replacement would change.
    "azuread:index/application:Application",
    "azuread:index/group:Group",
    "azuread:index/servicePrincipal:ServicePrincipal",
    "vault:index/mount:Mount",  # including its secrets
})  # fmt: skip
ENCRYPTION_KEYS = "concourse-encryption-"
"""Name prefix of the keys that encrypt secrets in the database."""
UNTAGGABLE = frozenset({
    "azure-native:authorization:RoleAssignment",
    "azure-native:containerservice:MaintenanceConfiguration",
    "azure-native:dbforpostgresql:Configuration",
    "azure-native:dbforpostgresql:Database",
    "azure-native:dbforpostgresql:FirewallRule",
    "azure-native:dns:RecordSet",
    "azure-native:managedidentity:FederatedIdentityCredential",
    "azure-native:network:Subnet",
    "azure-native:storage:BlobContainer",
    "azure-native:storage:BlobServiceProperties",
    "azure-native:storage:ManagementPolicy",
})  # fmt: skip
"""Azure resource types without tags (a test compares this with the SDK)."""


def _verified_database(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == "azure-native:dbforpostgresql:Configuration":
        name, value = args.props.get("configurationName"), args.props.get("value")
        allowed = ENFORCED.get(str(name))
        if allowed and value not in allowed:
            report(f"{name} is {value}: the database must enforce TLS ({' or '.join(allowed)})", args.urn)
    for path, mode in _named(args.props, "sslmode"):
        if mode not in VERIFIED:
            wanted = " or ".join(VERIFIED)
            report(f"{path} is {mode}: the database's certificate must be verified ({wanted})", args.urn)


def _protected_data(args: ResourceValidationArgs, report: ReportViolation) -> None:
    stateful = args.resource_type == "azure-native:resources:ResourceGroup" and args.name == "stateful"
    config = pulumi.Config("platform")
    holds = stateful or args.resource_type in HOLDS_DATA or args.name.startswith(ENCRYPTION_KEYS)
    exempt = {one["urn"] for one in config.get_object("replaceable") or ()}
    if config.get_bool("protected") and holds and not args.opts.protect and args.urn not in exempt:
        report("it holds data, and platform:protected is true: protect it", args.urn)


def _tagged(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if not args.resource_type.startswith("azure-native:") or args.resource_type in UNTAGGABLE:
        return
    tags = args.props.get("tags") or {}
    missing = [tag for tag in TAGS if not tags.get(tag)]
    if missing:
        report(f"tags are missing: {', '.join(missing)}", args.urn)


def _lookups_by_team(args: ResourceValidationArgs, report: ReportViolation) -> None:
    for path, vault in _named(args.props, "vault"):
        if isinstance(vault, Mapping) and "pathPrefix" in vault:
            templates = vault.get("lookupTemplates") or ()
            if not templates or any(".Pipeline" in template for template in templates):
                text = f"{path}.lookupTemplates: a pipeline named `..` would read other teams' secrets"
                report(f"{text}; use only /{{{{.Team}}}}/{{{{.Secret}}}}", args.urn)


def _no_secret_cache(args: ResourceValidationArgs, report: ReportViolation) -> None:
    for path, enabled in _named(args.props, "secretcacheenabled"):
        if enabled:
            report(f"{path} is on: a team's build could get the identity token of another team's", args.urn)


def _named(value: Any, key: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """All values of keys named `key`, at any depth, with their paths.

    A preview steps over what it does not know. Where that is such a value itself, the rule cannot run.
    """
    if isinstance(value, Mapping):
        places = {name: f"{path}.{name}" if path else str(name) for name in value}
    elif isinstance(value, Sequence) and not isinstance(value, str):  # the SDK's proxy is no list
        places = {index: f"{path}[{index}]" for index in range(len(value))}
    else:
        return
    for name, place in places.items():
        wanted = str(name).lower() == key
        try:
            inner = value[name]
        except UnknownValueError:
            if wanted:
                raise
            continue
        if wanted:
            yield place, inner
        yield from _named(inner, key, place)


def _rule(name: str, description: str, validate: Any) -> ResourceValidationPolicy:
    return ResourceValidationPolicy(
        name=name,
        description=description,
        validate=validate,
        enforcement_level=EnforcementLevel.MANDATORY,
    )


RULES: list[Policy] = [
    _rule("verified-database", "Database connections verify the server's certificate.", _verified_database),
    _rule(
        "protected-data",
        "Resources with data are protected if the stack requires it.",
        _protected_data,
    ),
    _rule(
        "no-secret-cache",
        "Concourse does not cache secrets: its cache shares identity tokens between teams (docs/trust.md).",
        _no_secret_cache,
    ),
    _rule(
        "lookups-by-team",
        "Concourse looks secrets up by team, never by a pipeline's name (docs/trust.md).",
        _lookups_by_team,
    ),
    _rule("tagged", "Every taggable Azure resource has the required tags.", _tagged),
]
