"""Teams in a file of their own."""

import pytest
import yaml

from components.settings import SettingsError
from components.stack_files import stack_config, stack_settings
from deploy.approval import hashed
from tests.support.stack_files import copied

FILE = "teams/prod.yaml"
GROUP = "6a1f0c3e-5b7d-4e2a-9c48-1d0f2b3a4c5e"
OWNER = f"roles: {{owner: {{oidc: {{groups: [{GROUP}]}}}}}}"


class Folder:
    """Stack files of which prod's teams are in a file."""

    def __init__(self, root):
        self.root = copied(root)
        self.stack = root / "Pulumi.prod.yaml"
        self.content = yaml.safe_load(self.stack.read_text())
        self.teams = self.content["config"].pop("platform:teams")
        self.set(FILE)
        (root / "teams").mkdir()
        self.write(yaml.safe_dump({"teams": self.teams}))

    def set(self, name, **more):
        self.content["config"] |= {"platform:teamsFile": name} | more
        self.stack.write_text(yaml.safe_dump(self.content))

    def write(self, text):
        (self.root / FILE).write_text(text)

    def refused(self):
        with pytest.raises(SettingsError) as wrong:
            stack_settings("prod", self.root)
        return [f"{problem.key}: {problem.text}" for problem in wrong.value.problems]


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def many(number, **more):
    roles = {"owner": {"oidc": {"groups": [GROUP]}}}
    return [{"name": f"team-{each}", "roles": roles, **more} for each in range(number)]


def test_teams_are_those_of_the_file(folder):
    found, before = stack_settings("prod", folder.root), stack_settings("prod")
    assert found.model_copy(update={"teams_file": None}) == before
    assert found.teams


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"teams: [{{name: main, {OWNER}, colour: red}}]",
            f"{FILE}: teams[0].colour: unknown key",
        ),
        ("teams: []", f"{FILE}: teams: should have at least 1 item"),
        (
            f"teams:\n- {{name: main, name: main, {OWNER}}}",
            f"{FILE}: teams[0].name: set twice, in line 2 and in line 2",
        ),
        ("team: []", f"{FILE}: team: unknown key; did you mean teams?"),
        ("", f"{FILE}: teams: missing; write the teams below it"),
        ("teams: [", f"{FILE}: line 2: this is not YAML"),
    ],
)
def test_a_problem_is_told_with_the_file_and_the_key(folder, text, said):
    folder.write(text)
    [told] = folder.refused()
    assert told.startswith(said)


def test_a_file_that_is_not_there_is_named(folder):
    folder.set("teams/staging.yaml")
    [said] = folder.refused()
    assert said == "teamsFile: teams/staging.yaml cannot be read: No such file or directory"


@pytest.mark.parametrize("name", ["../teams/prod.yaml", "/etc/passwd", "teams/a/b.yaml", "teams/../x.yaml"])
def test_a_file_elsewhere_is_not_read(folder, name):
    folder.set(name)
    assert any(line.startswith("teamsFile: ") for line in folder.refused())


def test_teams_in_both_files_are_refused(folder):
    folder.set(FILE, **{"platform:teams": folder.teams})
    assert folder.refused() == ["teamsFile: the stack file has teams too; keep them in one of the two"]


def test_another_team_changes_what_a_plan_compares(folder):
    before = {key: hashed(value) for key, value in stack_config("prod", folder.root).items()}
    folder.write(yaml.safe_dump({"teams": [*folder.teams, *many(1)]}))
    after = {key: hashed(value) for key, value in stack_config("prod", folder.root).items()}
    assert [key for key in after if before[key] != after[key]] == ["platform:teams"]


def test_two_thousand_teams_fit_and_their_users_do_not(folder):
    """Web nodes read local users from one variable, which Linux limits to 128 KiB."""
    folder.write(yaml.safe_dump({"teams": [*folder.teams, *many(2000, programs=False)]}))
    assert len(stack_settings("prod", folder.root).teams) == 2000 + len(folder.teams)
    folder.write(yaml.safe_dump({"teams": [*folder.teams, *many(2000)]}))
    [said] = folder.refused()
    assert said.startswith(f"{FILE}: teams: 2,00")
    assert "Linux allows 131,072; set programs: false" in said
