"""Stacks without optional parts: the whole program, and what is left of a part that is not there.

The table covers each pair of switches with all four combinations.
"""

import functools
import itertools
import json
import re
import runpy

import pytest
from pulumi.runtime import test as run_program
from pulumi.runtime.config import set_all_config

from components.kubernetes.namespaces import NAMESPACES
from components.kubernetes.parts import PARTS
from tests.support.leaves import leaves
from tests.support.recorder import GOLDEN, ROOT, encoded, recording, revealed, stack_config
from tests.test_graph import Graph, place

SWITCHES = {
    "influxdb": ("monitoring", "influxdb"),
    "logging": ("logging",),
    "grafana": ("monitoring", "grafana"),
    "chartmuseum": ("chartmuseum",),
    "vault": ("vault",),
}
"""Path of the key `enabled`, by part."""
ROWS = [
    ("staging", ()),
    ("staging", ("influxdb", "logging", "grafana", "chartmuseum", "vault")),
    ("demo", ("influxdb", "logging", "chartmuseum")),
    ("prod", ("vault",)),
    ("infra", ("influxdb", "grafana", "vault")),
    ("staging", ("logging", "grafana")),
    ("demo", ("logging", "chartmuseum", "vault")),
    ("prod", ("influxdb", "grafana", "chartmuseum")),
]
TABLE = GOLDEN / "left-out.txt"
each_row = pytest.mark.parametrize(
    ("stack", "left_out"), ROWS, ids=[f"{stack}-without-{'-'.join(out) or 'nothing'}" for stack, out in ROWS]
)
pytestmark = pytest.mark.xdist_group("left-out")


def config_without(stack, left_out):
    """A stack file's `config` with the parts switched off."""
    config = json.loads(json.dumps(stack_config(stack)))
    for part in left_out:
        section, *rest = SWITCHES[part]
        at = config.setdefault(f"platform:{section}", {})
        for key in rest:
            at = at.setdefault(key, {})
        at["enabled"] = False
    return config


@functools.cache
def without(stack, left_out):
    """The whole program for a stack without some parts, recorded."""
    recorder = recording(stack)
    set_all_config(encoded(config_without(stack, left_out)), [])
    run_program(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__") and None)()
    return recorder


def names(recorder):
    """Names that others use for an object: of namespaces, and with the namespace or host of all others."""
    found = set()
    for resource in recorder.resources:
        inputs = revealed(resource.inputs)
        where, name = place(resource.type, inputs) if resource.type.startswith("kubernetes:") else ("", "")
        if resource.type == "kubernetes:core/v1:Namespace":
            found.add(name)
        elif where and name:
            found |= {(where, name), f"{name}.{where}.svc"}
        if resource.type.endswith(":Certificate"):
            found |= set(inputs["spec"]["dnsNames"])
        if resource.type == "azure-native:dns:RecordSet":
            found.add(f"record {inputs['relativeRecordSetName']}")
        if resource.type.startswith(("azure-native:", "azuread:")):
            found.add((resource.type, resource.name))
    return found


def strings(value):
    """All texts in a value. Its keys are words of APIs and charts: `backup`, `grafana`."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, str))


def words(part):
    """Words that only the part's own resources may contain."""
    mine = {
        "influxdb": ("influx", "telegraf"),
        "logging": ("elastic", "kibana", "fluent"),
        "grafana": (),  # a key of Prometheus' chart: `"grafana": {"enabled": false}`
        "chartmuseum": ("chartmuseum",),
        "vault": ("consul", "hashicorp", "approle"),
    }[part]
    spaces = [rf'namespace(?:="|=~"[^"]*\b){space}\b' for space in PARTS[part].namespaces]
    return re.compile("|".join([*mine, *spaces]) or r"(?!)", re.IGNORECASE)


def mentions(recorder, gone):
    """Where an absent object is named: by its address, host, or namespace."""
    spaces = {name for name in gone if isinstance(name, str) and name in NAMESPACES}
    addresses = {name for name in gone if isinstance(name, str) and "." in name}
    objects = {name for name in gone if isinstance(name, tuple)}
    for resource in recorder.resources:
        inputs = revealed(resource.inputs)
        where = place(resource.type, inputs)[0] if resource.type.startswith("kubernetes:") else ""
        for text in strings(inputs):
            if text in spaces:
                yield resource.urn, text
            if (where, text) in objects:
                yield resource.urn, text
            for address in addresses:
                if re.search(rf"(?<![\w.-]){re.escape(address)}(?![\w-])", text):
                    yield resource.urn, address
            for space in spaces:
                if re.search(rf"\.{space}(\.svc|:|/|$)", text):
                    yield resource.urn, text


def test_the_table_covers_each_pair_of_switches():
    for first, second in itertools.combinations(SWITCHES, 2):
        seen = {(first in out, second in out) for _, out in ROWS}
        assert len(seen) == 4, (first, second)


def test_every_part_has_a_switch():
    assert SWITCHES.keys() == PARTS.keys()


@each_row
def test_nothing_names_what_is_absent(stack, left_out):
    found = without(stack, left_out)
    gone = names(without(stack, ())) - names(found)
    assert bool(gone) == bool(left_out)
    assert sorted(set(mentions(found, gone))) == []
    for part in left_out:
        pattern = words(part)
        texts = [
            (resource.urn, text)
            for resource in found.resources
            for text in strings(revealed(resource.inputs))
            if pattern.search(text)
        ]
        assert texts == [], part


@each_row
def test_everything_else_is_as_in_the_whole_stack(stack, left_out):
    """Leaving a part out adds nothing, except the namespaces and rights that replace Vault."""
    whole = {resource.urn for resource in without(stack, ()).resources}
    more = {resource.urn for resource in without(stack, left_out).resources} - whole
    replaced = re.compile(r"::(team-[a-z0-9-]+|concourse-web-[a-z0-9-]+)$")
    assert [urn for urn in sorted(more) if "vault" not in left_out or not replaced.search(urn)] == []


@each_row
def test_what_is_left_is_created_in_order(stack, left_out):
    assert list(Graph(without(stack, left_out)).missing()) == []


@pytest.mark.parametrize("part", SWITCHES)
def test_leaving_out_a_part_with_data_deletes_something_protected(part):
    """So that the driver refuses it: test_lifecycle.py has two of them on the engine."""
    left = {resource.urn for resource in without("staging", (part,)).resources}
    lost = [
        resource
        for resource in without("staging", ()).resources
        if resource.urn not in left and resource.options.get("protect")
    ]
    assert lost


def test_without_vault_concourse_reads_secrets_of_teams_and_nobody_else_does():
    found = without("prod", ("vault",))
    teams = [team["name"] for team in stack_config("prod")["platform:teams"]]
    roles = {
        (role.inputs["metadata"]["namespace"], rule["verbs"][0])
        for role in found.of_type("kubernetes:rbac.authorization.k8s.io/v1:Role")
        for rule in role.inputs["rules"]
        if "secrets" in rule["resources"]
    }
    assert roles == {(f"team-{team}", "get") for team in teams}
    for binding in found.of_type("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"):
        if binding.inputs["metadata"]["namespace"].startswith("team-"):
            account = {"kind": "ServiceAccount", "name": "concourse-web", "namespace": "concourse"}
            assert binding.inputs["subjects"] == [account]
    spaces = found.named("kubernetes:core/v1:Namespace")
    for team in teams:
        levels = spaces[f"team-{team}"].inputs["metadata"]["labels"]
        assert levels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert spaces[f"team-{team}"].options["protect"]
        policies = found.named("kubernetes:networking.k8s.io/v1:NetworkPolicy")
        assert policies[f"team-{team}-deny-all"].inputs["spec"]["policyTypes"] == ["Ingress", "Egress"]
    account = found.named("kubernetes:core/v1:ServiceAccount")["concourse-web"]
    assert account.inputs["automountServiceAccountToken"] is True


def test_a_team_cannot_get_a_namespace_of_the_platform():
    """With the chart's default prefix, a team `workers` would have `concourse-workers`."""
    assert not [name for name in NAMESPACES if name.startswith("team-")]


def test_the_table_of_resources_is_as_reviewed(pytestconfig):
    lines = []
    for stack, left_out in ROWS:
        recorder = without(stack, left_out)
        number = sum(not r.type.startswith(("pulumi:", "platform:")) for r in recorder.resources)
        lines.append(f"{stack:<8} {number:>4} resources without {', '.join(left_out) or 'nothing'}\n")
    if pytestconfig.getoption("accept"):
        TABLE.write_text("".join(lines))
    assert "".join(lines) == TABLE.read_text()
