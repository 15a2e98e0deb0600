"""An upgrade from the last release, on the engine: its program goes up, and this one over it."""

import re
import subprocess

import pytest

from tests.support.checkout import Build
from tests.support.lost_data import TEN
from tests.support.recorder import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("upgrade")]
RELEASED = (ROOT / "RELEASED").read_text().strip()


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A checkout of the working tree, with the history."""
    known = subprocess.run(["git", "cat-file", "-e", RELEASED], cwd=ROOT, capture_output=True, check=False)
    if known.returncode:
        pytest.skip(f"the history of {RELEASED[:12]} is not in this clone")
    build = Build(tmp_path_factory.mktemp("upgrade"))
    build.git("fetch", "-q", str(ROOT), "HEAD")
    return build


def upgrade(build):
    return build.checkout.deploy("upgrade", "demo", "--from", RELEASED, "--rehearse")


def test_an_upgrade_from_the_release_loses_nothing_and_is_complete(build):
    done = upgrade(build)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^preview demo: .*\b\d+ update", done.stdout, re.MULTILINE)
    assert "no data would go" in done.stderr


def test_an_upgrade_that_loses_data_is_refused_though_nothing_in_the_stack_is_protected(build):
    _, (name, old, new), _ = TEN["a renamed component without an alias"]
    file = build.checkout.folder / "components" / name
    before = file.read_text()
    assert old in before
    file.write_text(before.replace(old, new, 1))
    refused = upgrade(build)
    file.write_text(before)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert re.search(r"loses data:\n(  (delete|replace) urn:.*\n)+", refused.stderr), refused.stderr
