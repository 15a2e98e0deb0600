"""What a change does, where it is known; nothing is said where it is not."""

import pytest

from deploy.effects import effects

AKS, SERVER = "azure-native:containerservice:AgentPool", "azure-native:dbforpostgresql:Server"
CHECKSUM = "pods restart one after another if their checksum changes"
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.mark.parametrize(
    ("type_", "operation", "paths", "expected", "known"),
    [
        (SERVER, "update", ["sku.name"], ["the database server restarts"], True),
        (SERVER, "update", ["sku.name", "storage.iops"], ["the database server restarts"], False),
        (SERVER, "update", ["skuOfAnother"], [], False),
        (SERVER, "update", ["tags.team", "tags.owner"], ["only tags change"], True),
        (SERVER, "update", ["tags.team", "version"], [], False),
        (AKS, "update", ["orchestratorVersion"], ["nodes are replaced one after another"], True),
        (AKS, "replace", ["vmSize"], ["all nodes of the pool are replaced"], True),
        ("kubernetes:batch/v1:Job", "replace", ["spec.template"], ["the Job runs again"], True),
        ("kubernetes:apps/v1:Deployment", "update", ["metadata.labels.a"], ["only labels change"], True),
        (RELEASE, "update", ['values.a.b["checksum/secrets"]'], [CHECKSUM], True),
        (RELEASE, "update", ["values.web.replicas"], [], False),
        (RELEASE, "update", [], [], False),
        ("kubernetes:core/v1:Secret", "create", [], [], False),
    ],
)  # fmt: skip
def test_an_effect_is_told_for_the_properties_that_have_it(type_, operation, paths, expected, known):
    assert effects(type_, operation, paths) == (tuple(expected), known)
