"""The policy rules."""

import importlib
from typing import Any

import pulumi_azure_native
import pytest
from pulumi.runtime.config import set_all_config
from pulumi_policy import PolicyCustomTimeouts, PolicyResourceOptions, ResourceValidationArgs
from pulumi_policy.proxy import (
    UNKNOWN_OBJECT_VALUE,
    UNKNOWN_STRING_VALUE,
    UnknownValueError,
    unknown_checking_proxy,
)

from policy.rules import RULES, TAGS, UNTAGGABLE
from rehearsal.azure import RESOURCE_TYPES

VERIFIED, PROTECTED, CACHE, LOOKUPS, TAGGED = RULES
PLATFORM = {f"platform:{key}": value for key, value in {"protected": "true"}.items()}


def violations(
    rule: Any, token: str, props: dict[str, Any], *, protect: bool = False, name: str = "x"
) -> list[str]:
    found: list[str] = []
    opts = PolicyResourceOptions(
        protect,
        [],
        False,
        [],
        PolicyCustomTimeouts(0, 0, 0),
        [],
    )
    args = ResourceValidationArgs(token, props, "urn", name, opts, None)
    rule.validate(args, lambda message, urn=None: found.append(message))
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
    assert bool(violations(VERIFIED, "azure-native:dbforpostgresql:Configuration", props)) == refused


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
    assert bool(violations(LOOKUPS, "kubernetes:helm.sh/v3:Release", props)) == refused


@pytest.mark.parametrize("enabled", [True, False, None])
def test_a_cache_of_secrets_is_refused(enabled):
    """Concourse 8.2.5 caches by the name `token`: builds of two teams got each other's identity tokens."""
    values = {} if enabled is None else {"secretCacheEnabled": enabled}
    found = violations(CACHE, "kubernetes:helm.sh/v3:Release", {"values": {"concourse": {"web": values}}})
    assert bool(found) == (enabled is True)


@pytest.mark.parametrize(("mode", "refused"), [("require", True), ("disable", True), ("verify-ca", False)])
def test_a_client_without_certificate_verification_is_refused(mode, refused):
    props = {"values": {"concourse": {"web": {"postgres": {"sslmode": mode}}}}}
    found = violations(VERIFIED, "kubernetes:helm.sh/v3:Release", props)
    assert bool(found) == refused
    assert not found or "values.concourse.web.postgres.sslmode" in found[0]


@pytest.mark.parametrize("unknown", [UNKNOWN_STRING_VALUE, UNKNOWN_OBJECT_VALUE])
@pytest.mark.parametrize("first", [True, False])
def test_what_a_preview_does_not_know_hides_no_violation(unknown, first):
    """The SDK's proxy raises at an unknown value; `host` of a new database stands before `sslmode`."""
    known = {"sslmode": "disable"}
    postgres = {"host": unknown, **known} if first else {**known, "host": unknown}
    props = unknown_checking_proxy({"values": {"web": [unknown, {"postgres": postgres}]}})
    [found] = violations(VERIFIED, "kubernetes:helm.sh/v3:Release", props)
    assert "values.web[1].postgres.sslmode is disable" in found


def test_a_mode_that_is_unknown_itself_is_no_pass():
    props = unknown_checking_proxy({"sslmode": UNKNOWN_STRING_VALUE})
    with pytest.raises(UnknownValueError):
        violations(VERIFIED, "kubernetes:helm.sh/v3:Release", props)


def test_resources_with_data_are_protected_in_a_protected_stack(protected_stack):
    assert violations(PROTECTED, "azure-native:dbforpostgresql:Server", {})
    assert not violations(PROTECTED, "azure-native:dbforpostgresql:Server", {}, protect=True)
    assert violations(PROTECTED, "azure-native:resources:ResourceGroup", {}, name="stateful")
    assert not violations(PROTECTED, "azure-native:resources:ResourceGroup", {}, name="compute")


def test_an_unprotected_stack_needs_no_protection():
    assert not violations(PROTECTED, "azure-native:dbforpostgresql:Server", {})


def test_all_missing_tags_are_reported():
    [found] = violations(TAGGED, "azure-native:network:VirtualNetwork", {"tags": {"owner": "me"}})
    assert "environment" in found
    assert "owner" not in found
    assert not violations(TAGGED, "azure-native:network:VirtualNetwork", {"tags": dict.fromkeys(TAGS, "x")})


@pytest.mark.parametrize("token", sorted(RESOURCE_TYPES))
def test_untaggable_types_match_the_sdk(token):
    _, module, name = token.split(":")
    importlib.import_module(f"pulumi_azure_native.{module}")
    resource = getattr(getattr(pulumi_azure_native, module), name)
    assert (not hasattr(resource, "tags")) == (token in UNTAGGABLE)
