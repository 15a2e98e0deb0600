"""The base of `preview --base`: brought up once, as long as nothing changes that it depends on.

The project is a repository whose `python -m deploy` writes the files of a rehearsal without an engine.
"""

import subprocess

import pytest

from deploy.baseline import KEPT, baseline
from deploy.stack_file import RefusedError
from tests.support.checkout import IDENTITY

DEPLOY = """
import os, sys
from pathlib import Path

print(open("components/x.py").read(), file=open(os.environ["UPS"], "a"))
if "fail" in open("components/x.py").read():
    sys.exit("no such zone")
home = Path(sys.argv[sys.argv.index("--home") + 1])
for part in ("state", "cloud", "pulumi"):
    (home / part).mkdir()
(home / "cloud" / "x.json").write_text(open("components/x.py").read())
"""


class Project:
    def __init__(self, folder):
        self.folder, self.ups = folder / "project", folder / "ups"
        self.ups.write_text("")
        self.folder.mkdir()
        self.git("init", "-q")
        files = {
            "deploy/__init__.py": "",
            "deploy/__main__.py": DEPLOY,
            "requirements.txt": "pulumi",
            ".gitignore": ".rehearsal",
        }
        self.commit(**files, **{"Pulumi.demo.yaml": "config: {}", "components/x.py": "1"})

    def git(self, *arguments):
        subprocess.run(["git", *IDENTITY, *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self, **files):
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", "x")

    def base(self, revision="HEAD", stack="demo"):
        """The files of the base that a preview finds."""
        with baseline(stack, revision, self.folder) as home:
            found = {str(file.relative_to(home)): file.read_text() for file in home.rglob("*.json")}
            for file in home.rglob("*.json"):
                file.write_text("changed by the preview")
        return found


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("UPS", str(tmp_path / "ups"))
    return Project(tmp_path)


def test_a_second_preview_against_a_base_runs_no_up(project):
    assert project.base() == {"cloud/x.json": "1"}
    assert project.base() == {"cloud/x.json": "1"}
    assert project.ups.read_text() == "1\n"


def test_a_commit_that_the_base_does_not_depend_on_runs_no_up(project):
    project.base()
    project.commit(**{"docs/page.md": "x", "tests/test_x.py": "x", "Pulumi.prod.yaml": "config: {}"})
    assert project.base() == {"cloud/x.json": "1"}
    assert project.ups.read_text() == "1\n"


@pytest.mark.parametrize("file", ["components/y.py", "Pulumi.demo.yaml", "rehearsal/azure.py", "new/x.py"])
def test_a_commit_that_the_base_depends_on_runs_its_up(project, file):
    project.base()
    project.commit(**{file: "x"})
    project.base()
    assert project.ups.read_text() == "1\n1\n"


def test_a_failed_up_is_reported_with_its_output_and_not_kept(project):
    project.commit(**{"components/x.py": "fail"})
    for _ in range(2):
        with pytest.raises(RefusedError, match=r"`up` of demo fails at HEAD[\s\S]*no such zone"):
            project.base()
    assert project.ups.read_text() == "fail\nfail\n"


def test_only_the_bases_that_were_used_last_are_kept(project):
    for number in range(KEPT):
        project.commit(**{"components/x.py": f"{number}+"})
        project.base()
    project.base("HEAD~2")
    project.commit(**{"components/x.py": "new"})
    project.base()
    assert len(list((project.folder / ".rehearsal" / "bases" / "demo").iterdir())) == KEPT
    before = project.ups.read_text()
    project.base("HEAD~3")
    assert project.ups.read_text() == before
    project.base("HEAD~2")
    assert project.ups.read_text() == before + "1+\n"


def test_a_stack_that_the_base_does_not_have_is_empty_there(project):
    assert project.base(stack="prod") == {}
    assert not project.ups.read_text()


def test_an_unknown_revision_is_refused(project):
    with pytest.raises(RefusedError, match="nowhere is not a revision of this repository"):
        project.base("nowhere")
