"""The rules on the recorded inputs of all stacks: these comply, and each rule finds its bad change."""

import copy
import re

import pytest

from components.config.policy import RuleName
from components.kubernetes.namespaces import NAMESPACES
from policy import protection
from policy.checker import Checker
from policy.rule import STACK
from policy.rules import RULES
from policy.stack import Stack
from tests.support.bad_changes import BAD_CHANGES, changed
from tests.support.brought import bringing
from tests.support.recorder import FIFTH, STACKS, stack_config

LEAST = 36
"""Rules that there are. Raise it with a new one: a rule that is dropped must not go unnoticed."""


def check(recorder, bad=None, *, stack):
    """All violations of a program, with one input changed."""
    checker, found = Checker(RULES, stack), []
    for each in recorder.resources:
        inputs, protect = copy.deepcopy(each.inputs), bool(each.options.get("protect"))
        if bad and (each.type, each.name) == (bad.type, bad.name):
            protect = protect and bad.path != "protect"
            changed(inputs, bad.path, bad.value)
        if not each.type.startswith("platform:"):
            resource = checker.resource(each.type, each.name, each.urn, inputs, protect=protect)
            found += checker.violations(resource)
    outputs = {bad.path: bad.value} if bad and bad.type == STACK else {}
    checker.resource(STACK, "platform-staging", "urn:stack", outputs, protect=False)
    return [*found, *checker.violations_together()], checker.unchecked()


def facts(stack):
    config = stack_config(stack)
    issuer = config["platform:certificates"].get("issuer")
    return Stack(protected=config["platform:protected"], test_certificates=issuer == "staging")


@pytest.mark.parametrize("stack", [*STACKS, FIFTH])
def test_a_stack_complies_with_all_rules(run_stack, stack):
    found, unchecked = check(run_stack(stack), stack=facts(stack))
    assert list(map(str, found)) == []
    assert unchecked == []


@pytest.fixture(scope="module")
def staging(run_config):
    config = copy.deepcopy(stack_config("staging"))
    config["platform:database"]["access"] = "public"  # for a firewall rule
    del config["platform:network"]["subnets"]["database"]
    return run_config("staging", config)


@pytest.mark.parametrize("bad", BAD_CHANGES, ids=lambda bad: bad.rule)
def test_each_rule_finds_its_bad_change_and_no_other_does(staging, bad):
    found, _ = check(staging, bad, stack=Stack(protected=True))
    assert [each.rule.name for each in found] == [bad.rule]
    assert bad.told in found[0].text
    assert found[0].text.endswith(found[0].rule.comply)


def test_each_rule_has_a_bad_change_and_no_rule_is_gone():
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names)) >= LEAST
    assert sorted(names) == sorted(bad.rule for bad in BAD_CHANGES)


def test_a_stack_file_can_name_each_rule_and_no_other():
    assert sorted(RuleName.__args__) == sorted(rule.name for rule in RULES)


def test_each_rule_says_what_it_demands_why_and_how_to_comply():
    for rule in RULES:
        for text in (rule.demands, rule.why, rule.comply):
            assert re.fullmatch(r"[A-Z`].{15,200}\.", text), f"{rule.name}: {text}"


def test_namespaces_with_data_are_those_of_the_program():
    held = {name for name, row in NAMESPACES.items() if row.holds_data}
    assert held == protection.NAMESPACES


@pytest.mark.parametrize("stack", STACKS)
def test_what_holds_data_is_what_the_program_protects(run_stack, stack):
    """Without protection, exactly these are refused: neither more, nor less."""
    checker = Checker(RULES, Stack(protected=True))
    protected, refused = set(), set()
    for each in run_stack(stack).resources:
        if each.type.startswith("platform:"):
            continue
        resource = checker.resource(each.type, each.name, each.urn, each.inputs, protect=False)
        if protection.holds_data(resource):
            refused.add(each.urn)
        if each.options.get("protect"):
            protected.add(each.urn)
    if stack_config(stack)["platform:protected"]:
        assert refused == protected
    else:
        assert refused
        assert not protected


@pytest.mark.parametrize(
    "things", [("network", "private"), ("postgresql", "workspace"), ("nodes", "mirror", "proxy")]
)
def test_what_a_stack_brings_along_complies_too(run_config, things):
    recorder = run_config("staging", bringing(stack_config("staging"), *things))
    found, _ = check(recorder, stack=Stack(protected=True))
    assert list(map(str, found)) == []
