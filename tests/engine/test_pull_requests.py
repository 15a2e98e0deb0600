"""The comments of five pull requests, as the pipeline writes them; a loss of data is refused.

The pull requests of a stack have one base, which the first of them brings up.
"""

import re

import pytest

from tests.support.checkout import Build
from tests.support.recorder import GOLDEN

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("pull-requests")]
ANEW = re.compile(r"(?<=-)[0-9a-f]{8}\b|\b[0-9a-f]{64}\b")
"""Generated values: the end of a name, a checksum of secrets."""
HUNDREDS = re.compile(r"\d{3}(?=\*\* (?:same|update)| more\b)", re.MULTILINE)
"""Counts that every new resource of the program changes."""
MADE_UP = re.compile(r"[A-Za-z0-9+/=_-]{80,}")
"""The look of a key or a password."""
ID = re.compile(r"subscriptions/[^ `]+")
"""The ID of an Azure resource, which is as long."""


def more_workers(checkout):
    pools = [
        {"name": "workers1", "vmSize": "Standard_D4ds_v5", "osDiskSizeGb": 128, "minNodes": 1, "maxNodes": 3}
    ]
    checkout.set("demo", "cluster.workerPools", pools)


def new_team(checkout):
    group = {"owner": {"oidc": {"groups": ["6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"]}}}
    checkout.set("demo", "teams", [{"name": "main", "roles": group}, {"name": "payments", "roles": group}])


def newer_concourse(checkout):
    checkout.set("demo", "charts", {"versions": {"concourse": "20.1.4"}})


def renamed_database(checkout):
    file = checkout.folder / "components" / "layers" / "foundation.py"
    before = file.read_text()
    assert before.count('            "database",\n') == 1
    file.write_text(before.replace('            "database",\n', '            "postgres",\n'))


def other_pod_range(checkout):
    checkout.set("staging", "cluster.podRange", "10.245.0.0/16")


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """The cached bases of all pull requests."""
    return tmp_path_factory.mktemp("bases")


PULL_REQUESTS = [
    (more_workers, "demo", 0),
    (new_team, "demo", 0),
    (newer_concourse, "demo", 0),
    (renamed_database, "staging", 3),
    (other_pod_range, "staging", 3),
]


@pytest.mark.parametrize(
    ("change", "stack", "ends"), PULL_REQUESTS, ids=[each[0].__name__ for each in PULL_REQUESTS]
)
def test_the_comment_of_a_pull_request_is_the_reviewed_one(
    tmp_path, bases, pytestconfig, change, stack, ends
):
    build = Build(tmp_path)
    build.pull_request(change)
    build.passes("without-credentials")
    home = tmp_path / "change" / ".rehearsal"
    home.mkdir()
    (home / "bases").symlink_to(bases)
    done = build.task("rehearse", STACK=stack)
    assert done.returncode == ends, done.stdout
    assert len(list((bases / stack).iterdir())) == 1
    comment = (tmp_path / "comment" / "comment.md").read_text()
    assert len(comment) < 65_536
    comment = HUNDREDS.sub("…", ANEW.sub("…", comment))
    assert not [line for line in comment.splitlines() if MADE_UP.search(ID.sub("", line))]
    reviewed = GOLDEN / "pull-requests" / f"{change.__name__}.md"
    if pytestconfig.getoption("accept"):
        reviewed.parent.mkdir(exist_ok=True)
        reviewed.write_text(comment)
    assert comment == reviewed.read_text()
