"""A stack's life on the real engine, in order: up, no changes, drift, refresh, its state, destroy.

Tests share one copy of the project for each stack. The life of `demo` is part of `make test`.
"""

import base64
import json
import re
from typing import Any

import pytest
import yaml

from deploy.render import rendered, write
from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine
alone = pytest.mark.xdist_group


def of(stack: str) -> Any:
    marks = [alone(stack), *([pytest.mark.life] if stack == "demo" else [])]
    return pytest.param(stack, marks=marks)


STACKS = [of(stack) for stack in ("demo", "infra", "prod", "staging")]


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_after_the_first_up_shows_no_changes(up, stack):
    _, done = up(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^up {stack}: \d+ create, 0 same in ", done.stdout, re.MULTILINE)
    assert re.search(rf"^preview {stack}: \d+ same in ", done.stdout, re.MULTILINE)
    assert f"concourse-{stack}" in done.stdout


@pytest.mark.parametrize("stack", [of("demo")])
def test_a_stack_that_nobody_has_touched_has_no_drift(up, stack):
    """What Azure ignores in a creation, such as the database's maintenance window, would be some."""
    checkout, _ = up(stack)
    found = checkout.deploy("drift", stack, "--rehearse")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("stack", [of("demo")])
def test_what_ends_is_listed_from_a_state(up, stack):
    checkout, _ = up(stack)
    listed = json.loads(checkout.deploy("expiries", stack, "--rehearse", "--json").stdout)
    assert {one["what"].partition(",")[0] for one in listed} >= {
        "ApplicationPassword concourse", "SelfSignedCert internal-ca", "DigiCert Global Root G2",
    }  # fmt: skip


@pytest.mark.parametrize("stack", [of("demo")])
def test_drift_names_a_change_by_hand_and_a_refresh_reverts_it(up, stack):
    checkout, _ = up(stack)
    file = next(f for id_, f in checkout.objects(stack).items() if re.search(r"/managedClusters/[^/]+$", id_))
    changed = json.loads(file.read_text())
    owner = changed["inputs"]["tags"]["owner"]
    changed["inputs"]["tags"]["owner"] = "somebody"
    file.write_text(json.dumps(changed))
    found = checkout.deploy("drift", stack, "--rehearse")
    assert found.returncode == 4, found.stdout + found.stderr
    assert "changed ManagedCluster cluster\n" in found.stdout
    assert f"tags.owner: {owner} → somebody" in found.stdout
    assert checkout.deploy("up", stack, "--rehearse", "--refresh").returncode == 0
    assert json.loads(file.read_text())["inputs"]["tags"]["owner"] == owner


@pytest.mark.parametrize("stack", STACKS)
def test_a_job_that_runs_again_replaces_no_resource_that_depends_on_it(up, stack):
    """The engine replaces a resource whose name or namespace depends on something that is replaced."""
    checkout, _ = up(stack)
    (file,) = (checkout.home(stack) / "state").rglob(f"{stack}.json")
    state = json.loads(file.read_text())["checkpoint"]["latest"]["resources"]
    jobs = {each["urn"] for each in state if each["type"] == "kubernetes:batch/v1:Job"}
    dependent = [
        each["urn"].rpartition("::")[2]
        for each in state
        for property_, urns in each.get("propertyDependencies", {}).items()
        if property_ in ("name", "namespace", "metadata") and jobs & set(urns or ())
    ]
    assert jobs
    assert dependent == []


@pytest.mark.parametrize("stack", [of("demo")])
def test_the_output_of_egress_addresses_can_be_pasted_into_an_allow_list(up, stack):
    checkout, _ = up(stack)
    found = json.loads(checkout.deploy("outputs", stack, "--rehearse", "--json").stdout)
    assert [each.partition("/")[2] for each in found["egress_addresses"]] == ["32"]


@pytest.mark.parametrize("stack", STACKS)
def test_no_generated_secret_is_readable_in_state_output_or_cloud(up, stack):
    checkout, done = up(stack)
    secrets = plain_secrets(checkout, stack)
    assert secrets
    state = [f.read_text() for f in (checkout.home(stack) / "state").rglob("*.json*") if f.is_file()]
    assert state
    printed = [done.stdout, done.stderr, checkout.deploy("outputs", stack, "--rehearse", "--json").stdout]
    cloud = [file.read_text() for file in checkout.objects(stack).values()]
    for text in (*state, *printed, *cloud):
        assert not [secret for secret in secrets if secret in text]


def plain_secrets(checkout: Checkout, stack: str) -> set[str]:
    """Every secret text in a stack's state, decrypted by the engine."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "4dabf18193072939515e22adb298388d" in value:
                plain = json.loads(value["plaintext"])
                if isinstance(plain, str) and len(plain) > 8 and not plain.startswith("{"):
                    found.add(plain)
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(checkout.exported(stack))
    # The data of a Kubernetes Secret is base64.
    return found | {base64.b64encode(text.encode()).decode() for text in found}


@pytest.mark.parametrize("stack", [of("demo")])
def test_rendered_files_hold_each_release_and_no_secret(up, tmp_path, stack):
    checkout, _ = up(stack)
    write(rendered(checkout.exported(stack)["deployment"]["resources"]), tmp_path)
    releases = yaml.safe_load((tmp_path / "releases.yaml").read_text())
    assert {"concourse", "vault", "traefik"} <= {release["name"] for release in releases}
    for release in releases:
        assert (tmp_path / f"{release['name']}.yaml").exists()
    texts = [file.read_text() for file in tmp_path.rglob("*.yaml")]
    assert not [secret for secret in plain_secrets(checkout, stack) if any(secret in text for text in texts)]


LOSSES = [
    ("database.administrator", "somebody", "replace Server database", ("preview", "up")),
    (
        "cluster.podRange",
        "10.160.0.0/16",
        "replace ManagedCluster cluster",
        ("preview",),
    ),
    # Vault holds data; its namespace, disks and keys are protected. test_lost_data.py has more losses.
    # The engine needs minutes: docs/engine-slow-refusal.md.
    pytest.param("vault", {"enabled": False}, "delete Release vault", ("up",), marks=pytest.mark.slow),
]


@alone("staging")
@pytest.mark.parametrize(("setting", "value", "change", "commands"), LOSSES)
def test_a_change_that_would_lose_data_is_shown_and_refused(up, setting, value, change, commands):
    checkout, _ = up("staging")
    existing = checkout.objects("staging")
    with checkout.changed("staging", {setting: value}):
        refusals = [checkout.deploy(command, "staging", "--rehearse") for command in commands]
    for refused in refusals:
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert "Refused. Nothing was changed" in refused.stderr
        assert f"{change}, which is protected" in refused.stdout
    assert checkout.objects("staging") == existing


@alone("staging")
def test_a_preview_tells_what_an_update_will_not_do(up):
    checkout, _ = up("staging")
    with checkout.changed("staging", {"database.storageGb": 1024, "vault.consul.storage": "999Gi"}):
        shown = checkout.deploy("preview", "staging", "--rehearse")
    assert "Server database: database.storageGb is 1024, and the server has " in shown.stdout
    assert "Release consul: Kubernetes never changes server.storage of a StatefulSet" in shown.stdout


@alone("staging")
def test_destroy_is_refused_while_a_resource_is_protected(up):
    checkout, _ = up("staging")
    existing = checkout.objects("staging")
    refused = checkout.deploy("destroy", "staging", "--rehearse")
    assert refused.returncode == 3
    assert "resources are protected: " in refused.stderr
    assert "Database database and " in refused.stderr
    assert "set `platform:protected: false` in Pulumi.staging.yaml" in refused.stderr
    assert checkout.objects("staging") == existing


@alone("staging")
def test_a_changed_cluster_setting_shows_no_change_inside_the_cluster(up):
    """A preview in which the kubeconfig is unknown would show everything in the cluster as changed."""
    checkout, _ = up("staging")
    ranges = ["203.0.113.0/28", "198.51.100.64/28"]
    with checkout.changed("staging", {"cluster.operatorRanges": ranges}):
        shown = checkout.deploy("preview", "staging", "--rehearse", "--json")
    preview = json.loads(shown.stdout)
    changed = sorted(change["urn"].rpartition("::")[2] for change in preview["updates"])
    # Operators' ranges also protect the hosts that only operators may reach.
    assert changed == ["cluster", "kibana-public-sources", "vault-public-sources"]
    assert preview["changes"].keys() == {"update", "same"}


@alone("prod")
def test_preview_as_json_has_counts_replacements_deletions_and_time(up):
    checkout, _ = up("prod")
    preview = json.loads(checkout.deploy("preview", "prod", "--rehearse", "--json").stdout)
    assert preview["stack"] == "prod"
    assert preview["changes"]["same"] > 0
    assert preview["replacements"] == preview["deletions"] == []
    assert preview["seconds"] > 0


@alone("staging")
@pytest.mark.last
def test_a_stack_that_is_no_longer_protected_can_be_destroyed(up):
    checkout, _ = up("staging")
    checkout.set("staging", "protected", value=False)
    assert checkout.deploy("up", "staging", "--rehearse").returncode == 0
    destroyed(checkout, "staging")


@pytest.mark.last
@pytest.mark.parametrize("stack", [of("demo")])
def test_destroy_leaves_no_object(up, stack):
    """The last test of `demo`: the stack is gone afterwards."""
    destroyed(up(stack)[0], stack)


def destroyed(checkout: Checkout, stack: str) -> None:
    gone = checkout.deploy("destroy", stack, "--rehearse")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    # What is in Vault goes with its disks.
    assert checkout.objects(stack) == {}
