"""The whole program, for each stack."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from components.kubernetes.namespaces import NAMESPACES
from policy.protection import ENCRYPTION_KEYS, HOLDS_DATA
from policy.tags import UNTAGGABLE
from tests.support.recorder import PASSWORD, ROOT, SECRET, STACKS, encoded, stack_config

OWN_PROVIDERS = {"random", "tls"}
"""Packages without a cloud: they may use default providers."""
in_each_stack = pytest.mark.parametrize("stack", STACKS)


def custom(recorder):
    """Resources except components and providers."""
    return [r for r in recorder.resources if not r.type.startswith(("pulumi:", "platform:"))]


@in_each_stack
def test_every_resource_is_in_a_component(run_stack, stack):
    for resource in custom(run_stack(stack)):
        assert ":platform:index:" in resource.options["parent"].replace("$", ":"), resource.urn


@in_each_stack
def test_every_resource_has_an_explicit_provider(run_stack, stack):
    for resource in custom(run_stack(stack)):
        package = resource.type.partition(":")[0]
        if package not in OWN_PROVIDERS:
            assert f"pulumi:providers:{package}::" in resource.options.get("provider", ""), resource.urn


@in_each_stack
def test_every_invoke_has_an_explicit_provider(run_stack, stack):
    calls = run_stack(stack).calls
    assert calls
    for call in calls:
        assert f"pulumi:providers:{call.token.partition(':')[0]}::" in call.provider, call.token


@in_each_stack
def test_urns_are_unique(run_stack, stack):
    counted = Counter(resource.urn for resource in run_stack(stack).resources)
    assert [urn for urn, times in counted.items() if times > 1] == []


@in_each_stack
def test_every_taggable_resource_has_the_tags(run_stack, stack):
    wanted = {"environment", "owner", "cost-center", "managed-by"}
    for resource in custom(run_stack(stack)):
        if resource.type.startswith("azure-native:") and resource.type not in UNTAGGABLE:
            assert set(resource.inputs["tags"]) == wanted, resource.urn
            assert resource.inputs["tags"]["environment"] == stack


def keeps_volumes(resource):
    """Whether it is a release with retained disks, or a namespace with their claims."""
    if resource.type == "kubernetes:helm.sh/v3:Release":
        return "'retain'" in str(resource.inputs["values"])
    namespace = resource.type == "kubernetes:core/v1:Namespace"
    return namespace and NAMESPACES[resource.inputs["metadata"]["name"]].holds_data


@in_each_stack
def test_resources_with_data_are_protected_in_a_protected_stack(run_stack, stack):
    wanted = stack_config(stack)["platform:protected"]
    for resource in custom(run_stack(stack)):
        held = resource.type in HOLDS_DATA or resource.name == "stateful" or keeps_volumes(resource)
        if held or resource.name.startswith(ENCRYPTION_KEYS):
            assert resource.options.get("protect", False) == wanted, resource.urn
        else:
            assert not resource.options.get("protect"), f"{resource.urn} could not be replaced"


@in_each_stack
def test_passwords_are_registered_as_secrets(run_stack, stack):
    server = run_stack(stack).one("azure-native:dbforpostgresql:Server")
    assert SECRET in server.inputs["administratorLoginPassword"]


@in_each_stack
def test_the_kubeconfig_is_secret_and_the_cluster_identifier_is_not(run_stack, stack):
    """A kubeconfig that is unknown in a preview would otherwise count as another cluster."""
    provider = run_stack(stack).one("pulumi:providers:kubernetes")
    assert SECRET in provider.inputs["kubeconfig"]
    assert provider.inputs["clusterIdentifier"] == f"platform-{stack}"
    assert provider.inputs["enableConfigMapMutable"] == provider.inputs["enableSecretMutable"] == "true"


@in_each_stack
def test_no_resource_gets_a_password_in_plain_text(run_stack, stack):
    for resource in run_stack(stack).resources:
        plain = {k: v for k, v in resource.inputs.items() if not (isinstance(v, dict) and SECRET in v)}
        assert PASSWORD not in json.dumps(plain), resource.urn


def in_its_own_process(folder, config, stack):
    """Run the program in a process without the repository's other packages."""
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("components", "policy"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    script = (
        "import sys, runpy\n"
        f"sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
        "from tests.support import recorder as engine\n"
        "del sys.path[1]\n"
        "from pulumi.runtime import test\n"
        f"recorder = engine.recording({stack!r})\n"
        "test(lambda: runpy.run_path('__main__.py', run_name='__main__') and None)()\n"
        "print(len(recorder.resources))\n"
        "print([name for name in ('deploy', 'rehearsal') if name in sys.modules])\n"
    )
    environment = os.environ | {"PULUMI_CONFIG": json.dumps(encoded(config))}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_program_runs_without_deploy_and_rehearsal(tmp_path, run_stack):
    result = in_its_own_process(tmp_path, stack_config("infra"), "infra")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:2] == [str(len(run_stack("infra").resources)), "[]"]


def test_an_invalid_stack_file_stops_the_program_before_any_resource(tmp_path):
    config = stack_config("demo") | {"platform:clutser": {}}
    result = in_its_own_process(tmp_path, config, "demo")
    assert result.returncode != 0
    assert result.stdout == ""
    assert "RunError: Pulumi.demo.yaml has 1 problem:" in result.stderr
    assert "clutser: unknown key; did you mean cluster?" in result.stderr
    assert "During handling" not in result.stderr


def test_a_fifth_stack_needs_a_stack_file_and_nothing_else(tmp_path):
    result = in_its_own_process(tmp_path, stack_config("staging"), "trial")
    assert result.returncode == 0, result.stderr
