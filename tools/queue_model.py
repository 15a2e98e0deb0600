"""A model of a pool's workers over a day of 400 jobs: how long builds wait, and what the nodes cost.

`python -m tools.queue_model` prints the table of docs/workers-and-the-queue.md and writes its picture. Time
is in minutes. A build is one task, which takes one of a worker's places for as long as it runs.
"""

import heapq
import math
import random
import statistics
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deploy.costs.price_list import answers

JOBS, BUILDS_PER_JOB = 400, 6
"""Six builds of each job a day: at the busiest hour a tenth of the jobs run at once (Pulumi.prod.yaml)."""
HOURLY = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 12, 10, 7, 10, 12, 11, 9, 6, 4, 3, 2, 2, 1, 1)
"""Share of a day's builds in each hour, before division by the sum: an assumed working day with a break."""
MEDIAN, EIGHTY_PERCENT, LONGEST = 3.3, 10.0, 240.0
"""A build's duration: lognormal. Median of CircleCI's report of 2023; 80 % end within 10 minutes (its report
"The Data-Driven Case for CI", 30 million workflows). `concourse.defaultTaskTimeout` ends the longest."""
Z80 = 0.8416
"""80th percentile of the normal distribution."""
NODE_COMES, NODE_STAYS = 5.0, 20.0
"""Until a new node's worker takes builds (assumed), and the autoscaler's scale_down_unneeded_time
(components/azure/aks/arguments.py)."""
SYNC = 0.25
"""An autoscaler looks every 15 seconds (Kubernetes' horizontal-pod-autoscaler-sync-period)."""
STABLE, REMOVE_EVERY = 30.0, 10.0
"""Scale-in: the highest wish of the last 30 minutes, one worker each 10 minutes (worker_values.py)."""
TOLERANCE = 0.1
"""The wish of a ratio this close to 1 is ignored (horizontal-pod-autoscaler-tolerance)."""
PLACES, CORES, CPU_TARGET = 10, 16, 0.7
"""Tasks that a worker takes "before they slow each other down", and its node's cores (both Pulumi.prod.yaml);
the CPU target of worker_values.py."""
BUSY = CORES / PLACES
"""Cores of a build: ten fill a node. More builds get equal shares of it."""
SIZE, REGION = "Standard_D16ds_v5", "westeurope"
DAYS = 20
"""Days that the page's figures are taken from, each with a seed of its own."""


class Build(NamedTuple):
    arrives: float
    takes: float


@dataclass
class Worker:
    """One worker and its node."""

    asked: float
    ready: float
    cores: float = BUSY
    """Of each build."""
    retiring: bool = False
    gone: float | None = None
    builds: list[tuple[float, int, Build]] = field(default_factory=list)
    """By the work, in minutes of an undisturbed build, at which each ends."""
    done: float = 0
    """Work that a build has got that has been here since the start."""
    since: float = 0

    @property
    def speed(self) -> float:
        return min(1.0, CORES / (len(self.builds) * self.cores)) if self.builds else 1.0

    @property
    def next_end(self) -> float:
        return self.since + (self.builds[0][0] - self.done) / self.speed if self.builds else math.inf

    def advance(self, now: float) -> None:
        self.done += (now - self.since) * self.speed
        self.since = now


class State(NamedTuple):
    """What an autoscaler sees."""

    waiting: int
    running: int
    workers: int
    """Workers that are there or on their way, without those that retire."""


Wish = Callable[[State], int]
"""The number of workers that an autoscaler wants."""


def fixed(number: int) -> Wish:
    return lambda _: number


def by_cpu(cores: float = BUSY) -> Wish:
    """Kubernetes' autoscaler with the average CPU of the pods: it does not see who waits."""

    def wish(state: State) -> int:
        if not state.workers:
            return 0
        used = min(state.running * cores, state.workers * CORES)
        ratio = used / state.workers / (CORES * CPU_TARGET)
        return state.workers if abs(ratio - 1) <= TOLERANCE else math.ceil(state.workers * ratio)

    return wish


def by_queue(places: int = PLACES) -> Wish:
    """Places for every build that waits or runs."""
    return lambda state: math.ceil((state.waiting + state.running) / places)


class Result(NamedTuple):
    """What each build takes longer than alone on a worker, in minutes, and the nodes' hours."""

    delays: list[float]
    node_hours: float


@dataclass
class Pool:
    """A pool in operation."""

    wish: Wish
    least: int
    most: int
    places: float
    cores: float = BUSY
    now: float = 0
    workers: list[Worker] = field(default_factory=list)
    gone: list[Worker] = field(default_factory=list)
    queue: deque[Build] = field(default_factory=deque)
    delays: list[float] = field(default_factory=list)
    wishes: deque[tuple[float, int]] = field(default_factory=deque)
    removed: float = -math.inf
    started: int = 0

    def __post_init__(self) -> None:
        self.workers = [Worker(0, 0, self.cores) for _ in range(self.least)]

    def start_builds(self) -> None:
        """First come, first served, on the worker with the fewest builds."""
        while self.queue:
            free = [
                each
                for each in self.workers
                if each.ready <= self.now and not each.retiring and len(each.builds) < self.places
            ]
            if not free:
                return
            chosen, build = min(free, key=lambda each: len(each.builds)), self.queue.popleft()
            chosen.advance(self.now)
            self.started += 1
            heapq.heappush(chosen.builds, (chosen.done + build.takes, self.started, build))

    def end_build(self, worker: Worker) -> None:
        self.now = worker.next_end
        worker.advance(self.now)
        build = heapq.heappop(worker.builds)[2]
        self.delays.append(max(self.now - build.arrives - build.takes, 0))
        self._leave(worker)

    def scale(self) -> None:
        """One look of the autoscaler. The newest worker retires first, as a StatefulSet has it."""
        active = [each for each in self.workers if not each.retiring]
        running = sum(len(each.builds) for each in active)
        wanted = self.wish(State(len(self.queue), running, len(active)))
        wanted = min(max(wanted, self.least), self.most)
        self.wishes.append((self.now, wanted))
        while self.wishes[0][0] < self.now - STABLE:
            self.wishes.popleft()
        # A retiring worker has its node until its last build ends, and counts against the pool's maximum.
        room = self.most - len(self.workers)
        for _ in range(min(wanted - len(active), room)):
            self.workers.append(Worker(self.now, self.now + NODE_COMES, self.cores, since=self.now))
        calm = max(number for _, number in self.wishes)
        if calm < len(active) and self.now - self.removed >= REMOVE_EVERY:
            self.removed = self.now
            active[-1].retiring = True
            self._leave(active[-1])

    def _leave(self, worker: Worker) -> None:
        if worker.retiring and not worker.builds:
            worker.gone = self.now
            self.workers.remove(worker)
            self.gone.append(worker)

    def node_hours(self, until: float) -> float:
        spans = [min((each.gone or until) + NODE_STAYS, until) - each.asked for each in self.gone]
        return (sum(spans) + sum(until - each.asked for each in self.workers)) / 60


def simulate(builds: Sequence[Build], way: "Way", *, until: float = 24 * 60) -> Result:
    """Run all builds, and count the nodes at least `until` then."""
    pool = Pool(way.wish or fixed(way.least), way.least, way.most, way.places, way.cores)
    look = SYNC if way.wish else math.inf
    coming = deque(builds)
    while coming or pool.queue or any(each.builds for each in pool.workers) or look < until:
        first = min(pool.workers, key=lambda each: each.next_end, default=None)
        end = first.next_end if first else math.inf
        arrival = coming[0].arrives if coming else math.inf
        if look <= min(end, arrival):
            pool.now = look
            pool.scale()
            look += SYNC
        elif first and end <= arrival:
            pool.end_build(first)
        else:
            pool.now = arrival
            pool.queue.append(coming.popleft())
        pool.start_builds()
    return Result(pool.delays, pool.node_hours(max(until, pool.now)))


def day(seed: int) -> list[Build]:
    """The builds of one day: a Poisson process for each hour, durations lognormal."""
    random_ = random.Random(seed)  # noqa: S311 (a model, no secret)
    sigma = math.log(EIGHTY_PERCENT / MEDIAN) / Z80
    found = []
    for hour, share in enumerate(HOURLY):
        rate, at = JOBS * BUILDS_PER_JOB * share / sum(HOURLY) / 60, hour * 60.0
        while (at := at + random_.expovariate(rate)) < (hour + 1) * 60:
            found.append(Build(at, min(random_.lognormvariate(math.log(MEDIAN), sigma), LONGEST)))
    return found


class Way(NamedTuple):
    """A way of scaling a pool."""

    wish: Wish | None
    """Without one the number of workers never changes."""
    least: int
    most: int
    places: float = PLACES
    """Tasks on a worker (`concourse.limitActiveTasks`)."""
    cores: float = BUSY
    """Of each build."""


WAYS: dict[str, Way] = {
    "fixed, 4 workers": Way(None, 4, 4),
    "fixed, 6 workers": Way(None, 6, 6),
    "CPU, 4 to 12, no limit of tasks": Way(by_cpu(), 4, 12, math.inf),
    "CPU, 1 to 12, no limit of tasks": Way(by_cpu(), 1, 12, math.inf),
    "CPU, 1 to 12, ten tasks a worker": Way(by_cpu(), 1, 12),
    "the same, builds use a core": Way(by_cpu(1.0), 1, 12, cores=1.0),
    "queue, 4 to 12, ten tasks a worker": Way(by_queue(), 4, 12),
    "queue, 1 to 12, ten tasks a worker": Way(by_queue(), 1, 12),
    "queue, 0 to 12, ten tasks a worker": Way(by_queue(), 0, 12),
}
"""What is compared."""


class Row(NamedTuple):
    """A way of scaling, with its figures."""

    name: str
    median: float
    """What a build takes longer than alone on a worker, in minutes."""
    p95: float
    longest: float
    node_hours: float
    """A day."""
    usd: float
    """A day."""


def price(size: str = SIZE, region: str = REGION) -> float:
    """USD for an hour of a node (deploy/costs/prices.yaml)."""
    return next(one.prices[size] for one in answers() if one.region == region and size in one.prices)


def rows(days: int = DAYS) -> Iterator[Row]:
    for name, way in WAYS.items():
        results = [simulate(day(seed), way) for seed in range(days)]
        delays = sorted(each for result in results for each in result.delays)
        hours = statistics.mean(result.node_hours for result in results)
        yield Row(name, percentile(delays, 0.5), percentile(delays, 0.95), delays[-1], hours, hours * price())


def percentile(ordered: Sequence[float], share: float) -> float:
    """By the nearest rank."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def table(found: Sequence[Row]) -> str:
    """As a table in Markdown."""
    lines = [
        "| workers | delay, median | 95 % | longest | node hours a day | USD a day |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        times = " | ".join(f"{each:.1f} min" for each in (row.median, row.p95, row.longest))
        lines.append(f"| {row.name} | {times} | {row.node_hours:.0f} | {row.usd:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    from tools.queue_picture import PICTURE, draw

    everything = list(rows())
    print(table(everything))
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(everything))
