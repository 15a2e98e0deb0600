"""Address ranges of a stack file, against arithmetic on the addresses themselves."""

import copy
from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from components.concourse.worker_settings import CONTAINER_RANGE
from components.settings import SettingsError, validate
from tests.support.recorder import stack_config

DEMO = stack_config("demo")
BLOCK = 10 << 24 | 64 << 16
"""10.64.0.0. All ranges of a case are in the /10 from there, so that they often meet."""
LARGE = {"space": 15, "nodes": 20, "endpoints": 24, "database": 24, "pods": 15, "services": 18, "peer": 20}
SMALL = {"space": 18, "nodes": 24, "endpoints": 28, "database": 28, "pods": 20, "services": 24, "peer": 28}

OUTER = ("space", "pods", "services", "peer")


@st.composite
def ranges(draw: st.DrawFn, name: str) -> IPv4Network:
    length = draw(st.integers(LARGE[name], SMALL[name]))
    return IPv4Network((BLOCK | spread(draw, 22) >> (32 - length) << (32 - length), length))


def spread(draw: st.DrawFn, bits: int) -> int:
    """A number below a power of two; Hypothesis by itself prefers small ones, and all ranges would meet."""
    return draw(st.integers(0, (1 << bits) - 1)) * 2654435761 % (1 << bits)


@st.composite
def between(draw: st.DrawFn, name: str, space: IPv4Network) -> IPv4Network:
    """A range inside another one, and sometimes one around it or anywhere."""
    if spread(draw, 4) == 0:
        return draw(st.one_of(st.just(space.supernet()), ranges("space")))
    length = draw(st.integers(max(LARGE[name], space.prefixlen + 1), SMALL[name]))
    return IPv4Network((int(space[0]) + (spread(draw, length - space.prefixlen) << 32 - length), length))


@st.composite
def networks(draw: st.DrawFn) -> dict[str, IPv4Network]:
    space = draw(ranges("space"))
    inside = {name: draw(between(name, space)) for name in ("nodes", "endpoints", "database")}
    outside = {name: draw(ranges(name)) for name in ("pods", "services", "peer")}
    return {"space": space, **inside, **outside}


def addresses(net: IPv4Network) -> range:
    return range(int(net.network_address), int(net.broadcast_address) + 1)


def meet(one: IPv4Network, other: IPv4Network) -> bool:
    first, second = addresses(one), addresses(other)
    return max(first.start, second.start) < min(first.stop, second.stop)


def right(net: dict[str, IPv4Network]) -> bool:
    """What a network needs: subnets inside it and apart, and nothing of anybody else's in it.

    Kubernetes, Concourse and peered networks have addresses of their own, too.
    """
    subnets = [net[name] for name in ("nodes", "endpoints", "database")]
    space = addresses(net["space"])
    inside = all(each[0] in space and each[-1] in space for each in map(addresses, subnets))
    outer = combinations([net[name] for name in OUTER] + [IPv4Network(CONTAINER_RANGE)], 2)
    return inside and not any(meet(*pair) for pair in [*combinations(subnets, 2), *outer])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(networks())
def test_ranges_are_accepted_exactly_if_no_address_has_two_uses(net):
    config = copy.deepcopy(DEMO)
    subnets = {name: str(net[name]) for name in ("nodes", "endpoints", "database")}
    config["platform:network"] |= {"addressSpace": str(net["space"]), "subnets": subnets}
    config["platform:network"] |= {"peeredRanges": [str(net["peer"])]}
    config["platform:cluster"] |= {"podRange": str(net["pods"]), "serviceRange": str(net["services"])}
    config["platform:database"] |= {"access": "private"}
    try:
        validate(config, "demo")
        problems = []
    except SettingsError as refused:
        problems = [problem.key for problem in refused.problems]
    event("accepted" if not problems else f"refused: {problems[0]}")
    assert (not problems) == right(net), problems
    assert all(key.startswith(("network.", "cluster.")) for key in problems)


@pytest.mark.parametrize(("changes", "room"), [({}, 11), ({"internalAddress": "10.40.3.14"}, 10)])
def test_an_address_of_the_ingress_is_none_for_a_node(changes, room):
    """A /28 has 16 addresses, of which Azure reserves five."""
    config = copy.deepcopy(DEMO)
    config["platform:network"]["subnets"]["nodes"] = "10.40.3.0/28"
    config["platform:ingress"] |= changes
    config["platform:cluster"]["systemPool"] = {"minNodes": 2, "maxNodes": 6}
    config["platform:cluster"]["workerPools"][0] |= {"minNodes": 1, "maxNodes": 3}
    with pytest.raises(SettingsError) as refused:
        validate(config, "demo")
    found = {problem.key: problem.text for problem in refused.value.problems}
    assert f"has addresses for {room} nodes" in found["network.subnets.nodes"]


@pytest.mark.parametrize(("private", "room"), [(False, 11), (True, 10)])
def test_an_address_of_a_private_api_server_is_none_for_a_node(private, room):
    config = copy.deepcopy(DEMO)
    config["platform:network"]["subnets"]["nodes"] = "10.40.3.0/28"
    cluster = config["platform:cluster"]
    cluster["systemPool"] = {"minNodes": 2, "maxNodes": 9}
    if private:
        del cluster["operatorRanges"], cluster["deployerRanges"]
        cluster["private"] = {"clients": ["10.9.0.0/16"]}
    with pytest.raises(SettingsError, match=f"has addresses for {room} nodes"):
        validate(config, "demo")
