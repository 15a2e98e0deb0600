"""What policies of Vault open."""

import re
from collections.abc import Iterator
from functools import partial

from policy.rule import Place, Resource, at, rule, walk

POLICY = "vault:index/policy:Policy"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
MOUNTS = ("secret/",)
"""Mounts of the program, below which a path may have wildcards."""
PATH = re.compile(r'^\s*path\s+"([^"]*)"', re.MULTILINE)
WILDCARD = re.compile(r"[*+]")


def _documents(resource: Resource) -> Iterator[Place]:
    yield from at(POLICY, "policy")(resource)
    if resource.type == CONFIG_MAP:
        for path, value in walk(resource.inputs):
            if path.endswith(".hcl") and isinstance(value, str):
                yield Place(resource, path, partial(str, value))


@rule(
    "vault-paths",
    _documents,
    demands="No policy of Vault has the path `*` alone, or a wildcard outside the mount secret/.",
    why="`*` is root. A wildcard in sys/ or auth/ lets its owner give itself any policy.",
    comply="List the paths (components/vault/policy_documents.py).",
)
def vault_paths(place: Place) -> str | None:
    for path in PATH.findall(str(place.value)):
        first = WILDCARD.search(path)
        if first and not any(path.startswith(mount) and first.start() > len(mount) for mount in MOUNTS):
            return f'path "{path}"'
    return None


RULES = [vault_paths]
