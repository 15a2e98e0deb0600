"""Which errors of Azure are retried, and for how long."""

import pytest

from components.azure.passing_errors import PASSING_ERRORS

BY_NAME = {passing.name: passing for passing in PASSING_ERRORS}
BUSY = 'Status=409 Code="ServerIsBusy" Message="Cannot complete operation while server is busy"'


def test_a_passing_error_is_retried_a_bounded_number_of_times():
    busy = BY_NAME["server-busy"]
    errors = [BUSY]
    while (seconds := busy.wait(errors)) is not None:
        assert seconds == busy.waits[len(errors) - 1]
        errors.insert(0, BUSY)
    assert len(errors) == len(busy.waits) + 1


def test_another_error_is_final_even_after_a_passing_one():
    busy = BY_NAME["server-busy"]
    assert busy.wait(['Status=400 Code="BadRequest" Message="no"', BUSY]) is None
    assert busy.wait([]) is None


def test_an_object_that_exists_is_not_created_again():
    """The engine would forget it: a second creation fails, and its error has no object."""
    half = '1 error occurred:\n\t* Status=400 Code="VirtualNetworkNotInSucceededState" Message="Updating"'
    assert BY_NAME["network-updating"].wait([half]) is None
    assert BY_NAME["network-updating"].wait([half.partition("* ")[2]]) == 2


def test_a_lack_of_quota_is_final():
    """AKS has one code for both."""
    code = 'Status=409 Code="OperationNotAllowed" Message='
    busy = f'{code}"Another agentpool operation (system - Creating) is in progress, please wait"'
    assert BY_NAME["cluster-busy"].wait([busy]) == 10
    assert BY_NAME["cluster-busy"].wait([f'{code}"exceeding approved Total Regional Cores quota"']) is None


@pytest.mark.parametrize("passing", PASSING_ERRORS, ids=lambda passing: passing.name)
def test_the_waits_grow_and_end_within_eleven_minutes(passing):
    assert sorted(passing.waits) == [*passing.waits]
    assert sum(passing.waits) <= 660


def test_types():
    assert BY_NAME["server-busy"].matches("azure-native:dbforpostgresql:Configuration")
    assert not BY_NAME["server-busy"].matches("azure-native:network:Subnet")
    assert not BY_NAME["server-busy"].matches("kubernetes:core/v1:Secret")
