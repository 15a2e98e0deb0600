"""The main job on the real engine: every stack goes up, stays, is seen to drift, refuses losses, and goes."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STACKS = ["demo", "infra", "prod", "staging"]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".rehearsal", "__pycache__", ".*_cache", "tests")


class Checkout:
    """A copy of the project, in which a test may change stack files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        (folder / ".venv").symlink_to(Path(sys.prefix))

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m deploy …` in a process of its own."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, "-m", "deploy", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def set(self, stack: str, path: str, value: Any) -> None:
        """Change one setting: `database.sku`."""
        file = self.folder / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(file.read_text())
        section, *rest = path.split(".")
        if not rest:
            content["config"][f"platform:{section}"] = value
        else:
            at = content["config"][f"platform:{section}"]
            for key in rest[:-1]:
                at = at[key]
            at[rest[-1]] = value
        file.write_text(yaml.safe_dump(content))

    def home(self, stack: str) -> Path:
        return self.folder / ".rehearsal" / stack

    def objects(self, stack: str) -> dict[str, Path]:
        """Every object of the simulated clouds by id, but what a stack is given and what is deleted."""
        found = {}
        for file in (self.home(stack) / "cloud").rglob("*.json"):
            content = json.loads(file.read_text())
            if content["type"] not in {"given", "soft-deleted"}:
                found[content["id"]] = file
        return found

    def exported(self, stack: str) -> Any:
        """A stack's state, its secrets decrypted by the engine."""
        environment = os.environ | {
            "PULUMI_BACKEND_URL": (self.home(stack) / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        exported = subprocess.run(
            [Path(sys.prefix) / "bin" / "pulumi", "stack", "export", "--show-secrets", "--stack", stack],
            cwd=self.home(stack) / "project", env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(exported.stdout)


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each stack, brought up once for all tests: (checkout, what `up --check` printed)."""
    made: dict[str, tuple[Checkout, subprocess.CompletedProcess[str]]] = {}

    def stack(name: str) -> tuple[Checkout, subprocess.CompletedProcess[str]]:
        if name not in made:
            checkout = Checkout(tmp_path_factory.mktemp(name) / "project")
            made[name] = checkout, checkout.deploy("up", name, "--rehearse", "--check")
        return made[name]

    return stack


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_goes_up_and_a_second_preview_finds_nothing(up, stack):
    _, done = up(stack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^up {stack}: \d+ create, 0 same in ", done.stdout, re.MULTILINE)
    assert re.search(rf"^preview {stack}: \d+ same in ", done.stdout, re.MULTILINE)
    assert f"concourse-{stack}" in done.stdout


@pytest.mark.parametrize("stack", STACKS)
def test_what_was_changed_by_hand_is_named_ends_with_4_and_can_be_changed_back(up, stack):
    checkout, _ = up(stack)
    file = next(f for id_, f in checkout.objects(stack).items() if re.search(r"/managedClusters/[^/]+$", id_))
    changed = json.loads(file.read_text())
    changed["inputs"]["tags"]["owner"] = "somebody"
    file.write_text(json.dumps(changed))
    found = checkout.deploy("drift", stack, "--rehearse")
    assert found.returncode == 4, found.stdout + found.stderr
    assert "update ManagedCluster cluster (tags.owner)" in found.stdout
    assert checkout.deploy("up", stack, "--rehearse", "--refresh").returncode == 0
    assert checkout.deploy("drift", stack, "--rehearse").returncode == 0


LOSSES = [
    ("database.administrator", "somebody", "replace Server database (administratorLogin)"),
    ("cluster.podRange", "10.160.0.0/16", "replace ManagedCluster cluster (networkProfile.podCidr)"),
]


@pytest.mark.parametrize(("setting", "value", "told"), LOSSES)
def test_a_change_that_would_lose_data_is_shown_and_refused(up, setting, value, told):
    checkout, _ = up("staging")
    file = checkout.folder / "Pulumi.staging.yaml"
    before, existing = file.read_text(), checkout.objects("staging")
    checkout.set("staging", setting, value)
    preview = checkout.deploy("preview", "staging", "--rehearse")
    update = checkout.deploy("up", "staging", "--rehearse")
    file.write_text(before)
    for refused in (preview, update):
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert f"{told}, which is protected" in refused.stdout
    assert checkout.objects("staging") == existing


def test_destroy_is_refused_while_anything_is_protected(up):
    checkout, _ = up("staging")
    existing = checkout.objects("staging")
    refused = checkout.deploy("destroy", "staging", "--rehearse")
    assert refused.returncode == 3
    assert "delete Server database, which is protected" in refused.stdout
    assert checkout.objects("staging") == existing


def test_one_changed_setting_of_the_cluster_shows_only_the_cluster(up):
    """A preview in which the kubeconfig went unknown would show everything in the cluster as changed."""
    checkout, _ = up("staging")
    file = checkout.folder / "Pulumi.staging.yaml"
    before = file.read_text()
    checkout.set("staging", "cluster.operatorRanges", ["203.0.113.0/28", "198.51.100.64/28"])
    shown = checkout.deploy("preview", "staging", "--rehearse", "--json")
    file.write_text(before)
    told = json.loads(shown.stdout)
    changed = sorted(change["urn"].rpartition("::")[2] for change in told["updates"])
    # Operators' ranges are those of the hosts that only they may reach, too.
    assert changed == ["cluster", "kibana-public-sources", "vault-public-sources"]
    assert told["changes"].keys() == {"update", "same"}


@pytest.mark.parametrize("stack", STACKS)
def test_a_job_that_runs_again_replaces_nothing_that_waits_for_it(up, stack):
    """The engine replaces what has a name or a namespace that waits for something replaced."""
    checkout, _ = up(stack)
    (file,) = (checkout.home(stack) / "state").rglob(f"{stack}.json")
    state = json.loads(file.read_text())["checkpoint"]["latest"]["resources"]
    jobs = {each["urn"] for each in state if each["type"] == "kubernetes:batch/v1:Job"}
    waiting = [
        each["urn"].rpartition("::")[2]
        for each in state
        for property_, urns in each.get("propertyDependencies", {}).items()
        if property_ in ("name", "namespace", "metadata") and jobs & set(urns or ())
    ]
    assert jobs
    assert waiting == []


def test_preview_as_json_is_one_object_with_what_a_pipeline_needs(up):
    checkout, _ = up("prod")
    shown = checkout.deploy("preview", "prod", "--rehearse", "--json")
    told = json.loads(shown.stdout)
    assert told["stack"] == "prod"
    assert told["changes"]["same"] > 0
    assert told["replacements"] == told["deletions"] == []
    assert told["seconds"] > 0


def test_a_preview_writes_nothing(tmp_path):
    checkout = Checkout(tmp_path / "project")
    shown = checkout.deploy("preview", "demo", "--rehearse")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert checkout.objects("demo") == {}


@pytest.mark.parametrize("stack", STACKS)
def test_no_generated_secret_is_readable_in_the_state_or_in_what_is_printed(up, stack):
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
    # A Secret's data is written so.
    return found | {base64.b64encode(text.encode()).decode() for text in found}


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_that_is_no_longer_protected_can_be_destroyed_and_leaves_nothing(up, stack):
    """Last in this file: it takes the stack away."""
    checkout, _ = up(stack)
    checkout.set(stack, "protected", value=False)
    assert checkout.deploy("up", stack, "--rehearse").returncode == 0
    gone = checkout.deploy("destroy", stack, "--rehearse")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    # Nobody may delete the secrets from Vault: they go with its disks.
    assert checkout.objects(stack).keys() == {"/vault/mounts/secret"}


def test_a_fifth_stack_is_a_stack_file_and_nothing_else(tmp_path):
    checkout = Checkout(tmp_path / "project")
    shutil.copy(checkout.folder / "Pulumi.staging.yaml", checkout.folder / "Pulumi.fifth.yaml")
    checkout.set("fifth", "azure.subscriptionId", "11111111-2222-4333-8444-555555555555")
    checkout.set("fifth", "dns.zone", "fifth.delivery.example.org")
    done = checkout.deploy("up", "fifth", "--rehearse", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "concourse-fifth" in done.stdout


@pytest.mark.parametrize(
    ("stack", "setting", "value", "told"),
    [
        ("staging", "nework", {}, "nework: unknown key; did you mean network"),
        ("staging", "database.skuu", "x", "database.skuu: unknown key; did you mean sku"),
        (
            "staging",
            "network.subnets.nodes",
            "10.99.0.0/20",
            "network.subnets.nodes: 10.99.0.0/20 is outside",
        ),
        ("stagin", "", None, "there is no stack 'stagin'; did you mean staging?"),
    ],
)
def test_a_wrong_stack_file_ends_with_2_before_anything_is_made(tmp_path, stack, setting, value, told):
    checkout = Checkout(tmp_path / "project")
    if setting:
        checkout.set(stack, setting, value)
    refused = checkout.deploy("up", stack, "--rehearse")
    assert refused.returncode == 2
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr + refused.stdout
    assert not checkout.home(stack).exists()


def test_pulumis_own_command_line_refuses_a_wrong_stack_file_too(tmp_path):
    """The program itself refuses, whatever runs it; here without the check of `deploy`."""
    checkout = Checkout(tmp_path / "project")
    checkout.set("demo", "nework", {})
    script = "import deploy.stack as d; d.settings = lambda stack: None\n"
    script += "with d.open_stack('demo', rehearse=True, quiet=True) as here: print(here.preview().as_text())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=checkout.folder, capture_output=True, text=True, check=False
    )
    assert "nework: unknown key; did you mean network" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_policy_pack_is_enforced_by_the_engine(tmp_path):
    checkout = Checkout(tmp_path / "project")
    for file in (checkout.folder / "components").glob("*.py"):
        text = file.read_text()
        text = text.replace("protect=place.protected", "protect=False").replace(
            '"require_secure_transport": "on"', '"require_secure_transport": "off"'
        )
        file.write_text(text.replace('"cost-center": settings', '"cost": settings'))
    refused = checkout.deploy("preview", "staging", "--rehearse")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    for rule in ("protected-data", "verified-database", "tagged"):
        assert f"[{rule}]" in refused.stdout


def test_render_writes_what_goes_to_the_cluster(up, tmp_path):
    checkout, _ = up("prod")
    done = checkout.deploy("render", "prod", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    releases = yaml.safe_load((tmp_path / "out" / "releases.yaml").read_text())
    assert {"concourse", "vault", "traefik"} <= {release["name"] for release in releases}
    for release in releases:
        assert (tmp_path / "out" / f"{release['name']}.yaml").exists()
