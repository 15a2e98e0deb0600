"""What ends on a known day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from components.config.protection import Replaceable
from deploy.expiries import CREATED, expiries
from deploy.stack_file import settings
from tests.support.recorder import STACKS

URN = "urn:pulumi:prod::platform::platform:index:Entra${}::concourse"
PASSWORD = "azuread:index/applicationPassword:ApplicationPassword"


def created(type_, **outputs):
    return {"type": type_, "urn": URN.format(type_), "outputs": outputs}


def test_the_first_to_end_comes_first_with_what_renews_it():
    today = datetime.now(UTC).date()
    exception = Replaceable(urn=URN.format("x:y:Server"), reason="moved elsewhere", until=today)
    chosen = settings("prod").model_copy(update={"replaceable": (exception,)})
    soon = f"{today + timedelta(days=9)}T00:00:00Z"
    found = expiries(chosen, [created("a:b:C"), created(PASSWORD, endDate=soon), created(PASSWORD)])
    assert [one.what for one in found] == [
        "the exception in `replaceable` for Server concourse",
        "ApplicationPassword concourse",
        "DigiCert Global Root G2, which PostgreSQL's certificate is verified with",
        "Microsoft RSA Root Certificate Authority 2017, which PostgreSQL's certificate is verified with",
    ]
    assert "entra.rotation" in found[1].renewal
    now = datetime.combine(today, datetime.min.time(), UTC)
    assert found[1].described(now).split()[:4] == [str(today + timedelta(days=9)), "9", "days", "left"]
    assert "ENDED" in found[1].described(now + timedelta(days=9))


def test_the_roots_end_when_their_publishers_say():
    """https://www.digicert.com/kb/digicert-root-certificates.htm and Microsoft's PKI repository."""
    ends = [one.at.date() for one in expiries(settings("prod"), ())]
    assert ends == [date(2038, 1, 15), date(2042, 7, 18)]


@pytest.mark.parametrize("stack", STACKS)
def test_everything_that_an_alert_watches_is_listed(run_stack, stack):
    """The alert CredentialExpiring has a series for each."""
    resources = run_stack(stack).resources
    [rule] = [each for each in resources if each.name == "expiry"]
    watched = rule.inputs["spec"]["groups"][0]["rules"]
    assert len(watched) == sum(each.type in CREATED for each in resources)
