"""The ten changes of docs/lost-data.md, each with the refusal that it must get."""

FOUNDATION, SERVER = "layers/foundation.py", "azure/postgres/server.py"
KEY_VAULT, APPROLES = "azure/key_vault.py", "vault/approles.py"
PROTECTED = "which is protected"
# change: (settings, (file, text, other text) if the program changes, what the refusal says)
TEN = {
    "a renamed component without an alias": (
        {},
        (FOUNDATION, 'Database(\n                "database"', 'Database(\n                "postgresql"'),
        f"delete Server database, {PROTECTED}",
    ),
    "another server name": (
        {},
        (
            SERVER,
            "create_mode=_mode(restore),",
            'create_mode=_mode(restore),\n            server_name="other",',
        ),
        f"(replace|delete) Server database, {PROTECTED}",
    ),
    "protection removed": (
        {},
        (SERVER, "protect=context.protected,", "protect=False,"),
        r"violation: Server database: (?s:.*)\[protected-data\]",
    ),
    "a namespace or release with volumes removed": (
        {"logging": {"enabled": False}},
        None,
        f"delete Namespace logging, {PROTECTED}",
    ),
    "a recreated Key Vault": (
        {},
        (KEY_VAULT, "az.keyvault.Vault(\n            name,", 'az.keyvault.Vault(\n            "vault",'),
        f"delete Vault keys, {PROTECTED}",
    ),
    "a lower retention": (
        {"storage.softDeleteDays": 20},
        None,
        r"violation: BlobServiceProperties \w+: deleteRetentionPolicy.days goes from 30 to 20.*\[kept-data\]",
    ),
    "a changed zone": (
        {"dns.zone": "other.delivery.example.org"},
        None,
        f"(replace|delete) Zone dns, {PROTECTED}",
    ),
    "a smaller disk": (
        {"vault.consul.storage": "8Gi"},
        None,
        r"violation: Release consul: values.server.storage goes from 16Gi to 8Gi: .* \[kept-data\]",
    ),
    "a removed encryption key": (
        {"concourse.encryption": {"epochs": ["2026-12"]}},
        None,
        (
            f"delete RandomPassword concourse-encryption-2026-11, {PROTECTED}"
            r"|violation: ConfigMap rotations: concourse.encryption.epochs: 2026-11 is missing.*\[rotations\]"
        ),
    ),
    "a dropped mount": (
        {},
        (APPROLES, 'f"{name}-{MOUNT}",', 'f"{name}-other",'),
        f"delete Mount app-roles-secret, {PROTECTED}",
    ),
}
