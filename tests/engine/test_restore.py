"""A restore of the database on the real engine: previewed, applied, killed and continued."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine
LOCKED = 5
SERVER, DATABASE = "azure-native:dbforpostgresql:Server", "azure-native:dbforpostgresql:Database"


def cloud(checkout, type_):
    """The objects of a type in the simulated cloud."""
    found = (json.loads(file.read_text()) for file in checkout.objects("demo").values())
    return [each for each in found if each["type"] == type_]


def restored(checkout):
    """The stack file with a restore from today's server. Returns that server's object."""
    [server] = cloud(checkout, SERVER)
    name = server["id"].rpartition("/")[2]
    checkout.set("demo", "database.restores", [{"source": name, "at": "2026-11-20T03:00:00Z"}])
    return server


@pytest.fixture
def checkout(up, tmp_path):
    """A copy of a stack that is up."""
    before, done = up("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    checkout = Checkout(tmp_path / "project")
    shutil.copytree(before.home("demo"), checkout.home("demo"), symlinks=True)
    return checkout


def test_a_restore_adds_a_server_and_web_starts_on_it_with_the_first_one_kept(checkout):
    first = restored(checkout)
    preview = checkout.deploy("preview", "demo", "--rehearse")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert "create Server database-20261120t030000z" in preview.stdout
    assert cloud(checkout, SERVER) == [first], "a preview writes nothing"

    done = checkout.deploy("up", "demo", "--rehearse", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert first in cloud(checkout, SERVER)
    [new] = [server for server in cloud(checkout, SERVER) if server["id"] != first["id"]]
    assert new["inputs"]["sourceServerResourceId"] == first["id"]
    assert new["inputs"]["maintenanceWindow"] == first["inputs"]["maintenanceWindow"]
    assert len(cloud(checkout, DATABASE)) == 2, "the backup's database, which the program does not create"
    host = f"{new['id'].rpartition('/')[2]}.postgres.database.azure.com"
    everything = [file.read_text() for file in checkout.objects("demo").values()]
    assert any('"restored.sql"' in text for text in everything)
    assert any(host in text and "concourse" in text for text in everything)


def test_a_killed_restore_continues_with_the_same_server(checkout):
    first = restored(checkout)
    command = [sys.executable, "-m", "deploy", "up", "demo", "--rehearse", "--faults", "kill:3"]
    killed = subprocess.run(
        command, cwd=checkout.folder, capture_output=True, text=True, check=False, start_new_session=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    for _ in range(30):  # the engine of a killed driver may still be ending
        mended = checkout.deploy("recover", "demo", "--rehearse", "--mend")
        if mended.returncode != LOCKED:
            break
        time.sleep(1)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    done = checkout.deploy("up", "demo", "--rehearse", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(cloud(checkout, SERVER)) == 2
    assert first in cloud(checkout, SERVER)
