"""Exceptions to rules: what counts, for how long, and what every preview says of them."""

from datetime import date, timedelta

import pytest
from pulumi.runtime.config import set_all_config

from components.config.messages import read
from components.config.policy import PolicySettings
from policy.checker import Checker
from policy.pins import pinned_charts
from policy.rules import RULES
from policy.stack import ExceptionTo, Stack

TODAY = date(2026, 11, 27)
RELEASE = "kubernetes:helm.sh/v3:Release"
REASON = "their registry has no other tag"


def refused(*exceptions, name="x"):
    checker = Checker([pinned_charts], Stack(exceptions=exceptions, today=TODAY))
    resource = checker.resource(RELEASE, name, f"urn:{name}", {"version": "1"}, protect=False)
    return bool(checker.violations(resource))


def exception(rule="pinned-charts", resource="Release x", until=TODAY):
    return ExceptionTo(rule, resource, REASON, until)


def test_an_exception_counts_until_the_end_of_its_last_day():
    assert refused()
    assert not refused(exception())
    assert not refused(exception(until=TODAY + timedelta(days=1)))
    assert refused(exception(until=TODAY - timedelta(days=1)))


def test_an_exception_is_for_one_rule_and_one_resource():
    assert refused(exception(rule="pinned-images"))
    assert refused(exception(resource="Release y"))
    assert refused(exception(resource="Namespace x"))
    assert refused(exception(), name="y")


def test_an_exception_to_a_rule_about_all_resources_counts_too():
    excepted = ExceptionTo("default-deny", "Namespace trial", REASON, TODAY)
    for exceptions, number in (((), 1), ((excepted,), 0)):
        checker = Checker(RULES, Stack(exceptions=exceptions, today=TODAY))
        checker.resource("kubernetes:core/v1:Namespace", "trial", "urn:trial", {}, protect=False)
        assert len(checker.violations_together()) == number


def test_every_exception_is_told_with_its_reason_and_an_ended_one_says_so():
    stack = Stack(exceptions=(exception(), exception(until=date(2026, 11, 1))), today=TODAY)
    now, before = stack.told
    assert now == f"exception to pinned-charts for Release x until 2026-11-27: {REASON}"
    assert before.startswith("exception to pinned-charts for Release x until 2026-11-01 has ended")
    assert "no longer counts" in before


def test_the_engines_form_of_a_day_is_read():
    given = '{"exceptions": [{"rule": "tagged", "resource": "Zone dns", "reason": "no tags there yet", '
    given += '"until": "2026-12-02 00:00:00 +0000 UTC"}]}'
    set_all_config({"platform:policy": given, "platform:protected": "true"})
    try:
        stack = Stack.read()
    finally:
        set_all_config({})
    assert stack.exceptions == (ExceptionTo("tagged", "Zone dns", "no tags there yet", date(2026, 12, 2)),)
    assert stack.protected


VALID = {"rule": "tagged", "resource": "Zone dns", "reason": "no tags there yet", "until": "2026-12-02"}


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"rule": "taged"}, "exceptions[0].rule", "tagged"),
        ({"rule": "unchecked"}, "exceptions[0].rule", "'unchecked' is not a known value"),
        ({"reason": "why not"}, "exceptions[0].reason", ""),
        ({"resource": "dns"}, "exceptions[0].resource", ""),
        ({"until": "next week"}, "exceptions[0].until", ""),
        ({"until": None}, "exceptions[0].until", "missing"),
        ({"reason": None}, "exceptions[0].reason", "missing"),
    ],
)
def test_a_wrong_exception_is_refused_under_its_key(changes, key, told):
    given = {k: v for k, v in (VALID | changes).items() if v is not None}
    _, [problem] = read(PolicySettings, {"exceptions": [given]})
    assert problem.key == key
    assert told in problem.text


def test_a_second_exception_for_the_same_rule_and_resource_is_refused():
    _, problems = read(PolicySettings, {"exceptions": [VALID, VALID | {"until": "2027-01-01"}]})
    assert [problem.key for problem in problems] == ["exceptions[1]"]
    assert read(PolicySettings, {"exceptions": [VALID, VALID | {"rule": "tls-on"}]})[1] == []
