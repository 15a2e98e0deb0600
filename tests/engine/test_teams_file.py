"""Teams in a file of their own, on the real engine."""

import re

import pytest
import yaml

from tests.support.checkout import Checkout

pytestmark = pytest.mark.engine


def test_teams_can_move_to_their_own_file_of_a_stack_that_exists_and_nothing_changes(tmp_path):
    checkout = Checkout(tmp_path / "project")
    assert checkout.deploy("up", "demo", "--rehearse").returncode == 0
    file = checkout.folder / "Pulumi.demo.yaml"
    content = yaml.safe_load(file.read_text())
    teams = content["config"].pop("platform:teams")
    content["config"]["platform:teamsFile"] = "teams/demo.yaml"
    file.write_text(yaml.safe_dump(content))
    (checkout.folder / "teams").mkdir()
    (checkout.folder / "teams" / "demo.yaml").write_text(yaml.safe_dump({"teams": teams}))
    preview = checkout.deploy("preview", "demo", "--rehearse")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert re.search(r"^preview demo: \d+ same in ", preview.stdout, re.MULTILINE), preview.stdout
