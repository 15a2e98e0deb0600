"""Exceptions to deletion protection."""

from datetime import UTC, datetime, timedelta

import pulumi_azure_native as az
import pytest
from pulumi import ResourceOptions, get_project

from components.config.protection import Replaceable, unprotect

TODAY = datetime.now(UTC).date()
URN = "urn:pulumi:test::project::azure-native:resources:ResourceGroup::"


def given_up(name, until=TODAY):
    return Replaceable(urn=URN + name, reason="its data is in another place", until=until)


def test_only_listed_resources_lose_their_protection(run):
    def program():
        urn = f"urn:pulumi:test::{get_project()}::azure-native:resources:ResourceGroup::one"
        unprotect([Replaceable(urn=urn, reason="its data is in another place", until=TODAY)])
        for name in ("one", "two"):
            made[name] = az.resources.ResourceGroup(name, opts=ResourceOptions(protect=True))

    made = {}
    run(program)
    assert not made["one"]._protect
    assert made["two"]._protect


@pytest.mark.parametrize(("days", "problems"), [(-1, 1), (0, 0), (1, 0)])
def test_an_exception_lasts_until_the_end_of_its_last_day(days, problems):
    found = [p for check in given_up("x", TODAY + timedelta(days=days)).rules() for p in check()]
    assert len(found) == problems
