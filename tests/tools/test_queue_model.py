"""The model of a day of builds agrees with queueing theory, and shows which signal sees a queue."""

import math
import random

import pytest

from tools.queue_model import (
    JOBS,
    Build,
    State,
    Way,
    by_cpu,
    by_queue,
    day,
    percentile,
    price,
    simulate,
)

NUMBER = 40_000
"""Builds of a comparison with theory. Waits follow each other closely: their mean is good to about 5 %."""


def poisson(rate, takes, seed):
    """Builds that arrive at random, `rate` a minute."""
    random_, at, found = random.Random(seed), 0.0, []
    for _ in range(NUMBER):
        at += random_.expovariate(rate)
        found.append(Build(at, takes(random_)))
    return found


def erlang_c(servers, load):
    """Probability that an arrival waits in an M/M/c queue (A. K. Erlang, 1917)."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**n / math.factorial(n) for n in range(servers)) + last)


def mean(values):
    return sum(values) / len(values)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.7), (4, 2.4)])
def test_the_wait_for_workers_of_one_place_is_erlangs(servers, load):
    found = simulate(poisson(load, lambda r: r.expovariate(1), 1), Way(None, servers, servers, 1))
    waited = [delay > 1e-9 for delay in found.delays]
    assert mean(waited) == pytest.approx(erlang_c(servers, load), rel=0.05)
    assert mean(found.delays) == pytest.approx(erlang_c(servers, load) / (servers - load), rel=0.15)


def test_the_wait_for_one_worker_with_equal_builds_is_that_of_an_m_d_1_queue():
    """Pollaczek and Khinchine: half of that with exponential durations."""
    found = simulate(poisson(0.7, lambda _: 1.0, 2), Way(None, 1, 1, 1))
    assert mean(found.delays) == pytest.approx(0.7 / (2 * (1 - 0.7)), rel=0.15)


def test_builds_that_share_a_worker_are_an_m_m_1_processor_sharing_queue():
    """A build of a worker's whole CPU, and no limit of builds: the mean stay is 1 / (1 - load)."""
    found = simulate(poisson(0.7, lambda r: r.expovariate(1), 3), Way(None, 1, 1, math.inf, cores=16))
    assert mean(found.delays) + 1 == pytest.approx(1 / (1 - 0.7), rel=0.15)


def test_a_build_goes_to_the_worker_with_the_fewest():
    found = simulate([Build(1, 5), Build(2, 5)], Way(None, 2, 2, math.inf, cores=16))
    assert found.delays == [0, 0]


def test_a_day_has_the_same_builds_each_time_and_about_six_for_each_job():
    assert day(7) == day(7) != day(8)
    assert len(day(7)) == pytest.approx(6 * JOBS, rel=0.1)


def test_builds_that_use_less_cpu_than_the_target_never_add_a_worker_however_many_wait():
    """Ten builds of one core on 16 cores are 62 %, and the target is 70 %."""
    assert by_cpu(1.0)(State(waiting=500, running=10, workers=1)) == 1
    assert by_queue()(State(waiting=500, running=10, workers=1)) == 51


def test_the_queue_counts_running_builds_so_that_workers_stay_while_they_run():
    assert by_queue()(State(waiting=0, running=31, workers=6)) == 4
    assert by_queue()(State(waiting=0, running=0, workers=6)) == 0


def test_scale_in_ends_no_build():
    """Every build of the day ends, and none before its time, with workers that come and go."""
    found = simulate(day(1), Way(by_queue(), 0, 12))
    assert len(found.delays) == len(day(1))


def test_a_pool_of_zero_workers_starts_one_for_the_first_build():
    found = simulate([Build(60, 5)], Way(by_queue(), 0, 12))
    assert found.delays == [pytest.approx(5, abs=0.5)]  # the node
    assert found.node_hours == pytest.approx(1, abs=0.25)  # 30 minutes of calm, and 20 without a worker


def test_from_one_worker_the_queue_costs_less_than_four_and_nobody_waits_ten_minutes():
    four, queue = (simulate(day(1), way) for way in (Way(None, 4, 4), Way(by_queue(), 1, 12)))
    assert queue.node_hours < 0.75 * four.node_hours
    assert max(queue.delays) < 10
    assert percentile(sorted(queue.delays), 0.95) < 1


def test_the_price_is_that_of_the_cost_estimate():
    assert price() > 0
    assert price(region="northeurope") < price()
