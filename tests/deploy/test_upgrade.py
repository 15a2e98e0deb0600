"""What an upgrade changes in charts, and what of it is a loss of data."""

import pytest

from components.kubernetes.charts import CHARTS
from deploy.properties import Property
from deploy.render import RELEASE
from deploy.summary import Change, Summary
from deploy.upgrade import NOTES, chart_changes, losses

URN = "urn:pulumi:prod::platform::platform:index:Part${}::{}"


def summary(*changes):
    return Summary("prod", "preview", list(changes))


def change(type_, name, operation="update", *properties):
    return Change(URN.format(type_, name), operation, (), protected=False, properties=properties)


def test_every_chart_has_notes():
    assert NOTES.keys() == CHARTS.keys()
    assert all(notes.publisher.startswith("https://") for notes in NOTES.values())


def test_a_new_version_is_told_with_what_to_read_before():
    version = Property("version", "0.34.0", "0.34.1")
    [line] = chart_changes(summary(change(RELEASE, "vault", "update", version), change(RELEASE, "consul")))
    assert line.startswith(
        "chart of vault: 0.34.0 → 0.34.1; an older version refuses the data of a newer one"
    )
    assert line.endswith("vault-helm/blob/main/CHANGELOG.md")


@pytest.mark.parametrize(
    ("type_", "name", "operation", "lost"),
    [
        ("azure-native:dbforpostgresql:Server", "database", "replace", True),
        ("azure-native:dbforpostgresql:Server", "database", "update", False),
        ("azure-native:dbforpostgresql:FirewallRule", "a", "delete", False),
        ("kubernetes:core/v1:Namespace", "vault", "replace", True),
        ("kubernetes:core/v1:Namespace", "ingress", "replace", False),
        ("kubernetes:core/v1:Namespace", "team-payments", "delete", True),
        ("random:index/randomPassword:RandomPassword", "concourse-encryption-2026-11", "delete", True),
    ],
)
def test_a_deletion_or_replacement_of_what_holds_data_is_a_loss_protected_or_not(
    type_, name, operation, lost
):
    assert bool(losses(summary(change(type_, name, operation)))) == lost
