"""The policy rules."""

import importlib
from typing import Any

import pulumi_azure_native
import pytest
from pulumi.runtime.config import set_all_config
from pulumi_policy.proxy import UNKNOWN_BOOLEAN_VALUE, UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE

from components.concourse.web_values import SET_IN_SECRET
from policy.checker import Checker
from policy.credentials import no_plain_secrets
from policy.protection import protected_data
from policy.rule import Rule
from policy.rules import RULES
from policy.stack import Stack
from policy.tags import TAGS, UNTAGGABLE, tagged
from policy.teams import lookups_by_team, no_secret_cache, rights_of_web, secrets_of_teams
from policy.tls import CONFIGURATION, encrypted_database, verified_database
from rehearsal.azure import RESOURCE_TYPES

PLATFORM = {f"platform:{key}": value for key, value in {"protected": "true"}.items()}
RELEASE = "kubernetes:helm.sh/v3:Release"
SIZED = {"requests": {"cpu": "10m", "memory": "8Mi"}, "limits": {"memory": "8Mi"}}
NETWORK = "azure-native:network:VirtualNetwork"


def checked(
    rule: Any, token: str, props: dict[str, Any], *, protect: bool = False, name: str = "x"
) -> tuple[list[str], list[str]]:
    """What a rule says of a resource, and what it could not check."""
    checker = Checker([rule], Stack.read())
    found = checker.violations(
        checker.resource(token, name, f"urn:pulumi:s::p::{token}::{name}", props, protect=protect)
    )
    return [violation.text for violation in found], checker.unchecked()


def violations(*args: Any, **options: Any) -> list[str]:
    found, left = checked(*args, **options)
    assert left == []
    return found


@pytest.fixture
def protected_stack():
    set_all_config(PLATFORM)
    yield
    set_all_config({})


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("require_secure_transport", "off", True),
        ("require_secure_transport", "on", False),
        ("ssl_min_protocol_version", "TLSv1.1", True),
        ("ssl_min_protocol_version", "TLSv1.3", False),
        ("log_connections", "off", False),
    ],
)
def test_a_server_with_unencrypted_connections_is_refused(name, value, refused):
    props = {"configurationName": name, "value": value}
    assert bool(violations(encrypted_database, CONFIGURATION, props)) == refused


@pytest.mark.parametrize(
    ("templates", "refused"),
    [
        (None, True),  # Concourse's default has the pipeline in it
        ([], True),
        (["/{{.Team}}/{{.Pipeline}}/{{.Secret}}", "/{{.Team}}/{{.Secret}}"], True),
        (["/{{.Team}}/p-{{.Pipeline}}/{{.Secret}}"], True),
        (["/{{.Team}}/{{.Secret}}"], False),
    ],
)
def test_lookups_of_secrets_by_a_pipelines_name_are_refused(templates, refused):
    """With Concourse 8.2.5's own code, a pipeline named `..` made it ask Vault for another team's secret."""
    vault = {"pathPrefix": "/secret"} | ({} if templates is None else {"lookupTemplates": templates})
    props = {"values": {"concourse": {"web": {"vault": vault}}}}
    assert bool(violations(lookups_by_team, RELEASE, props)) == refused


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"namespacePrefix": "concourse-"}, True),
        ({"namespacePrefix": None}, True),  # the chart's default is the release's name
        ({"createTeamNamespaces": True}, True),
        ({"enabled": False, "namespacePrefix": None}, False),
    ],
)
def test_secrets_in_a_namespace_that_could_be_another_ones_are_refused(changes, refused):
    kubernetes = {"enabled": True, "namespacePrefix": "team-", "createTeamNamespaces": False} | changes
    props = {"values": {"concourse": {"web": {"kubernetes": kubernetes}}}}
    assert bool(violations(secrets_of_teams, RELEASE, props)) == refused


@pytest.mark.parametrize(
    ("kind", "metadata", "refused"),
    [
        ("RoleBinding", {"namespace": "team-payments"}, False),
        ("RoleBinding", {"namespace": "concourse"}, True),
        ("ClusterRoleBinding", {}, True),
    ],
)
def test_concourse_gets_no_rights_outside_the_namespaces_of_teams(kind, metadata, refused):
    props = {"metadata": metadata, "subjects": [{"kind": "ServiceAccount", "name": "concourse-web"}]}
    assert (
        bool(violations(rights_of_web, f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", props)) == refused
    )


@pytest.mark.parametrize("enabled", [True, False, None])
def test_a_cache_of_secrets_is_refused(enabled):
    """Concourse 8.2.5 caches by the name `token`: builds of two teams got each other's identity tokens."""
    values = {} if enabled is None else {"secretCacheEnabled": enabled}
    found = violations(no_secret_cache, RELEASE, {"values": {"concourse": {"web": values}}})
    assert bool(found) == (enabled is True)


@pytest.mark.parametrize(("mode", "refused"), [("require", True), ("disable", True), ("verify-ca", False)])
def test_a_client_without_certificate_verification_is_refused(mode, refused):
    props = {"values": {"concourse": {"web": {"postgres": {"sslmode": mode}}}}}
    found = violations(verified_database, RELEASE, props)
    assert bool(found) == refused
    assert not found or "values.concourse.web.postgres.sslmode" in found[0]


@pytest.mark.parametrize("unknown", [UNKNOWN_STRING_VALUE, UNKNOWN_OBJECT_VALUE])
@pytest.mark.parametrize("first", [True, False])
def test_what_a_preview_does_not_know_hides_no_violation(unknown, first):
    """The SDK's proxy raises at an unknown value; `host` of a new database stands before `sslmode`."""
    known = {"sslmode": "disable"}
    postgres = {"host": unknown, **known} if first else {**known, "host": unknown}
    [found] = violations(verified_database, RELEASE, {"values": {"web": [unknown, {"postgres": postgres}]}})
    assert "values.web[1].postgres.sslmode is disable" in found


WEB = "values.concourse.web"


@pytest.mark.parametrize(
    ("rule", "token", "props", "unknown"),
    [
        (verified_database, RELEASE, {"values": UNKNOWN_OBJECT_VALUE}, "values"),
        (verified_database, RELEASE, {"values": {"concourse": {"web": UNKNOWN_STRING_VALUE}}}, WEB),
        (verified_database, RELEASE, {"values": [{"sslmode": UNKNOWN_STRING_VALUE}]}, "values.0.sslmode"),
        (encrypted_database, CONFIGURATION, {"configurationName": UNKNOWN_STRING_VALUE}, "configurationName"),
        (
            encrypted_database,
            CONFIGURATION,
            {"configurationName": "require_secure_transport", "value": UNKNOWN_STRING_VALUE},
            "value",
        ),
        (no_secret_cache, RELEASE, {"values": {"secretCacheEnabled": UNKNOWN_BOOLEAN_VALUE}},
         "values.secretCacheEnabled"),
        (lookups_by_team, RELEASE, {"values": {"concourse": {"web": {"vault": UNKNOWN_OBJECT_VALUE}}}},
         f"{WEB}.vault"),
        (
            lookups_by_team,
            RELEASE,
            {"values": {"vault": {"pathPrefix": "/", "lookupTemplates": [UNKNOWN_STRING_VALUE]}}},
            "values.vault.lookupTemplates.0",
        ),
        (tagged, NETWORK, {"tags": UNKNOWN_OBJECT_VALUE}, "tags"),
        (tagged, NETWORK, {"tags": dict.fromkeys(TAGS, UNKNOWN_STRING_VALUE)}, f"tags.{TAGS[0]}"),
    ],
)  # fmt: skip
def test_a_value_that_is_unknown_is_no_violation_and_reported_as_unchecked(rule, token, props, unknown):
    found, [left] = checked(rule, token, props)
    assert found == []
    kind = token.rpartition(":")[2]
    expected = f"could not be checked in this preview: {rule.name} on {kind} x ({unknown} unknown)"
    assert left == expected


@pytest.mark.parametrize(
    ("rule", "token", "props"),
    [
        (
            verified_database,
            RELEASE,
            {"values": {"a": {"sslmode": UNKNOWN_STRING_VALUE, "b": {"sslmode": "no"}}}},
        ),
        (
            no_secret_cache,
            RELEASE,
            {"values": {"concourse": UNKNOWN_STRING_VALUE, "secretCacheEnabled": True}},
        ),
        (
            lookups_by_team,
            RELEASE,
            {"values": [{"vault": UNKNOWN_STRING_VALUE}, {"vault": {"pathPrefix": "/"}}]},
        ),
        (tagged, NETWORK, {"tags": {TAGS[0]: UNKNOWN_STRING_VALUE}}),
    ],
)
def test_a_violation_beside_an_unknown_value_is_reported_with_it(rule, token, props):
    found, left = checked(rule, token, props)
    assert len(found) == len(left) == 1


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if isinstance(rule, Rule)], ids=lambda rule: rule.name
)
def test_no_rule_says_anything_about_what_it_is_not_about(rule):
    """A page of "unknown" hides the one that matters."""
    values = {"host": UNKNOWN_STRING_VALUE, "resources": SIZED}
    release = {"name": UNKNOWN_STRING_VALUE, "chart": "x", "version": "1.2.3", "values": values}
    assert checked(rule, RELEASE, release) == ([], [])


@pytest.mark.parametrize(("value", "refused"), [(SET_IN_SECRET, False), ("0123456789abcdef", True)])
def test_the_chart_may_be_told_that_the_old_encryption_key_is_in_the_secret(value, refused):
    """Refused, no encryption key could ever rotate."""
    props = {"values": {"secrets": {"oldEncryptionKey": value}}}
    assert bool(violations(no_plain_secrets, RELEASE, props)) == refused


def test_many_resources_that_one_rule_cannot_check_are_one_line():
    checker = Checker([tagged], Stack.read())
    for name in "abc":
        unknown = {"tags": UNKNOWN_OBJECT_VALUE}
        checker.violations(checker.resource(NETWORK, name, f"urn::{name}", unknown, protect=False))
    assert checker.unchecked() == [
        "could not be checked in this preview: tagged on VirtualNetwork a (tags unknown) and 2 more"
    ]


def test_resources_with_data_are_protected_in_a_protected_stack(protected_stack):
    assert violations(protected_data, "azure-native:dbforpostgresql:Server", {})
    assert not violations(protected_data, "azure-native:dbforpostgresql:Server", {}, protect=True)
    assert violations(protected_data, "azure-native:resources:ResourceGroup", {}, name="stateful")
    assert not violations(protected_data, "azure-native:resources:ResourceGroup", {}, name="compute")


def test_an_unprotected_stack_needs_no_protection():
    assert not violations(protected_data, "azure-native:dbforpostgresql:Server", {})


def test_all_missing_tags_are_reported():
    [found] = violations(tagged, NETWORK, {"tags": {"owner": "me"}})
    assert "environment" in found
    assert "owner" not in found
    assert not violations(tagged, NETWORK, {"tags": dict.fromkeys(TAGS, "x")})


@pytest.mark.parametrize("token", sorted(RESOURCE_TYPES))
def test_untaggable_types_match_the_sdk(token):
    _, module, name = token.split(":")
    importlib.import_module(f"pulumi_azure_native.{module}")
    resource = getattr(getattr(pulumi_azure_native, module), name)
    assert (not hasattr(resource, "tags")) == (token in UNTAGGABLE)
