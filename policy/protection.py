"""What keeps data: protection from deletion, and backups that reach back far enough."""

from collections.abc import Iterator
from functools import partial

from policy.rule import Place, Resource, anywhere, at, rule, value_at, walk, whole

HOLDS_DATA = frozenset({
    "azure-native:containerservice:ManagedCluster",  # its disks
    "azure-native:dbforpostgresql:Database",
    "azure-native:dbforpostgresql:Server",
    "azure-native:dns:Zone",  # a new one has other name servers
    "azure-native:keyvault:Key",
    "azure-native:keyvault:Secret",
    "azure-native:keyvault:Vault",
    "azure-native:network:PublicIPAddress",  # in other parties' allow lists
    "azure-native:operationalinsights:Workspace",
    "azure-native:privatedns:PrivateZone",  # the database's name is in it
    "azure-native:storage:BlobContainer",
    "azure-native:storage:StorageAccount",
    # Teams and programs refer to their IDs, which a replacement would change.
    "azuread:index/application:Application",
    "azuread:index/group:Group",
    "azuread:index/servicePrincipal:ServicePrincipal",
    "vault:index/mount:Mount",  # including its secrets
})  # fmt: skip
NAMESPACES = frozenset({"concourse", "logging", "consul", "vault", "monitoring"})
"""Namespaces with volumes or secrets that nothing makes again (a test compares this with the program's)."""
TEAM = "team-"
"""Prefix of the namespaces with secrets of teams."""
ENCRYPTION_KEYS = "concourse-encryption-"
"""Name prefix of the keys that encrypt secrets in the database."""
RETAIN = "retain"
"""The storage class whose disks outlive their claims."""
NAMESPACE = "kubernetes:core/v1:Namespace"
RELEASE = "kubernetes:helm.sh/v3:Release"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
SERVER = "azure-native:dbforpostgresql:Server"
BLOBS = "azure-native:storage:BlobServiceProperties"
KEY_VAULT = "azure-native:keyvault:Vault"
FLOOR, PROTECTED_FLOOR = 7, 14
"""Days that deleted data can be had back. 7 is the least that Azure's PostgreSQL and Key Vault accept
(learn.microsoft.com/azure/postgresql/flexible-server/concepts-backup-restore, …/azure/key-vault/general/
soft-delete-overview); of what is protected, a loss before a week of holidays must still be found in time."""


def holds_data(resource: Resource) -> bool:
    """Whether the loss of a resource is the loss of data, or of an address or ID that others know."""
    if resource.type == RELEASE:
        return any(_on_disk(path, value) for path, value in walk(resource.inputs))
    return is_data(resource.type, resource.name)


def is_data(type_: str, name: str) -> bool:
    """Whether a resource holds data by its type and name alone; of a release only its values say it."""
    if type_ == NAMESPACE:
        return name in NAMESPACES or name.startswith(TEAM)
    stateful = type_ == "azure-native:resources:ResourceGroup" and name == "stateful"
    return stateful or type_ in HOLDS_DATA or name.startswith(ENCRYPTION_KEYS)


def _on_disk(path: str, value: object) -> bool:
    return value == RETAIN and path.rpartition(".")[2].lower() in {"storageclass", "storageclassname"}


@rule(
    "protected-data",
    whole(),
    demands="Resources with data are protected if the stack requires it.",
    why="Without protection an update deletes or replaces them, and the data goes.",
    comply="Pass `protect=settings.protected`; for one that may go, add it to `platform:replaceable`.",
)
def protected_data(place: Place) -> str | None:
    at_, stack = place.resource, place.resource.stack
    if stack.protected and not at_.protect and at_.urn not in stack.replaceable and holds_data(at_):
        return "it holds data, and platform:protected is true"
    return None


def _floor(resource: Resource) -> int:
    return PROTECTED_FLOOR if resource.stack.protected else FLOOR


def _too_short(place: Place) -> str | None:
    days, floor = place.value, _floor(place.resource)
    if days is None or days < floor:
        return f"{place.path} is {days and int(days)}: {floor} days are the least here"
    return None


@rule(
    "database-backups",
    at(SERVER, "backup.backupRetentionDays"),
    demands="The database can be restored to a moment at least 7 days ago, 14 in a protected stack.",
    why="A loss that nobody sees for some days must not have outlived the last good backup.",
    comply="Raise `database.backupDays`.",
)
def database_backups(place: Place) -> str | None:
    return _too_short(place)


@rule(
    "deleted-blobs-kept",
    at(
        BLOBS,
        "isVersioningEnabled",
        "deleteRetentionPolicy.enabled",
        "containerDeleteRetentionPolicy.enabled",
        "deleteRetentionPolicy.days",
        "containerDeleteRetentionPolicy.days",
    ),
    demands="Blobs have versions; deleted ones are kept for at least 7 days, 14 in a protected stack.",
    why="Charts and backups of Vault are there, and whoever can write them can delete them.",
    comply="Raise `storage.softDeleteDays`, and leave versions on.",
)
def deleted_blobs_kept(place: Place) -> str | None:
    if place.path.endswith(".days"):
        return _too_short(place)
    return None if place.value is True else f"{place.path} is {place.value}"


def _key_vaults(resource: Resource) -> Iterator[Place]:
    paths = ["properties.enableSoftDelete", "properties.softDeleteRetentionInDays"]
    if resource.stack.protected:
        paths.append("properties.enablePurgeProtection")
    yield from at(KEY_VAULT, *paths)(resource)


@rule(
    "key-vault-kept",
    _key_vaults,
    demands="A deleted key vault can be had back; in a protected stack nobody can purge it before.",
    why="Without the unseal key nothing in Vault can ever be decrypted.",
    comply="Leave soft delete on, and set `keyVault.softDeleteDays` to 14 or more.",
)
def key_vault_kept(place: Place) -> str | None:
    if place.path.endswith("InDays"):
        return _too_short(place)
    return None if place.value is True else f"{place.path} is {place.value}"


def _claims(resource: Resource) -> Iterator[Place]:
    """Storage classes of volumes that outlive their pods."""
    if resource.type != RELEASE:
        return
    for path, value in walk(resource.inputs):
        last = path.rpartition(".")[2].lower()
        if last in {"storageclass", "storageclassname"} and ".ephemeral." not in path:
            yield Place(resource, path, partial(str, value))


def _retain(resource: Resource) -> Iterator[Place]:
    if resource.type == STORAGE_CLASS and value_at(resource.inputs, "metadata.name") == RETAIN:
        yield from at(STORAGE_CLASS, "reclaimPolicy")(resource)


@rule(
    "retained-disks",
    anywhere(_claims, _retain),
    demands="Disks with data outlive their claims.",
    why="A deleted release or namespace deletes its claims, and other classes delete the disk with them.",
    comply="Use the storage class `retain`, and leave its reclaimPolicy at Retain.",
)
def retained_disks(place: Place) -> str | None:
    wanted = "Retain" if place.path == "reclaimPolicy" else RETAIN
    return None if place.value == wanted else f"{place.path} is {place.value}"


RULES = [protected_data, database_backups, deleted_blobs_kept, key_vault_kept, retained_disks]
