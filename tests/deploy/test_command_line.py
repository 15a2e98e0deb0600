"""The command line as a user meets it: help, version, completion, any folder, mistakes without tracebacks."""

import json
import os
import signal
import subprocess
import sys

import pytest
from pulumi import automation as auto
from typer.testing import CliRunner

from deploy import __main__ as cli
from deploy import writer
from deploy.engine_messages import NO_LOGIN
from deploy.stack_file import RefusedError, stacks
from tests.support.recorder import ROOT

WIDTH = 60


def run(*arguments, **environment):
    """The command line within this process."""
    return CliRunner().invoke(cli.app, arguments, env=environment)


COMMANDS = [command.callback.__name__ for command in cli.app.registered_commands]


@pytest.fixture
def help_of(monkeypatch, capsys):
    """The help of a command on a narrow terminal."""
    monkeypatch.setenv("COLUMNS", str(WIDTH))

    def shown(*command):
        with pytest.raises(SystemExit):
            cli.app([*command, "--help"], prog_name="platform")
        return capsys.readouterr().out

    return shown


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_narrow_terminal_without_types_of_flags_boxes_or_negations(help_of, command):
    shown = help_of(command)
    assert shown.startswith(f"Usage: platform {command}")
    assert max(map(len, shown.splitlines())) <= WIDTH
    for noise in ("<bool>", "<path>", "--no-", "│", "…"):
        assert noise not in shown


def test_the_list_of_commands_is_not_cut_in_a_narrow_terminal(help_of):
    shown = help_of()
    assert "..." not in shown.partition("Commands:")[2]
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_square_brackets_in_help_are_shown(help_of):
    assert "[default: the first except main]" in " ".join(help_of("smoke").split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["preview", "demo", "--rehearse", "--markdown", "{}/none/x.md"], "there is no folder {}/none"),
        (["preview", "demo", "--rehearse", "--plan", "{}/none/x.json"], "there is no folder {}/none"),
        (["preview", "demo", "--rehearse", "--home", "{}/none/home"], "there is no folder {}/none"),
        (["render", "demo", "--out", "{}/none/out"], "there is no folder {}/none"),
        (["preview", "demo", "--rehearse", "--markdown", "{}"], "{} is a folder"),
        (["render", "demo", "--out", "{}/file"], "{}/file is a file"),
    ],
)
def test_a_result_that_cannot_be_written_is_refused_before_the_work_starts(tmp_path, arguments, told):
    (tmp_path / "file").write_text("")
    done = run(*(each.format(tmp_path) for each in arguments))
    assert done.exit_code == 2
    assert told.format(tmp_path) in done.output.replace("\n", "")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file"]


def test_a_base_without_git_is_refused_in_words(tmp_path):
    done = run("preview", "demo", "--rehearse", "--base", "main", PATH=str(tmp_path))
    assert isinstance(done.exception, RefusedError)
    assert str(done.exception) == "--base needs git, and it is not on PATH"


def test_the_stacks_are_listed_with_their_files():
    found = {row["stack"]: row for row in json.loads(run("stacks", "--json").output)}
    assert list(found) == stacks()
    assert found["prod"]["file"] == "Pulumi.prod.yaml"
    assert found["prod"]["protected"] == "yes"
    assert run("stacks").output.splitlines()[0].split()[:3] == ["stack", "file", "region"]


def test_the_wrapper_works_from_any_folder_and_through_a_link_and_completes_stacks(tmp_path):
    (tmp_path / "link").symlink_to(ROOT / "platform")
    asked = {"_PLATFORM_COMPLETE": "complete_bash", "COMP_WORDS": "platform preview st", "COMP_CWORD": "2"}
    done = subprocess.run(
        [tmp_path / "link"], cwd=tmp_path, env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["staging"], "")


def test_completion_and_help_do_not_load_the_engines_sdk():
    code = "import sys, deploy.__main__; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_version_names_the_release_the_commit_and_pulumi():
    shown = run("--version").output
    assert shown.startswith("platform 0.")
    assert "(commit " in shown
    assert ", Pulumi 3." in shown


def ended(monkeypatch, capsys, failure, signals=()):
    """The exit code and the error text of a command that ends so."""
    monkeypatch.setattr(writer, "received", list(signals))

    def fail(**_):
        raise failure

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended_:
        cli.main()
    return ended_.value.code, capsys.readouterr().err


def command_error(text):
    return auto.CommandError(auto.CommandResult("", text, 255))


@pytest.mark.parametrize(
    ("failure", "code", "text"),
    [
        (RefusedError("no", 5), 5, "no"),
        (PermissionError(13, "Permission denied", "/x/plan.json"), 1, "/x/plan.json: Permission denied"),
        (ConnectionError("api.github.com does not answer"), 1, "api.github.com does not answer"),
        (command_error("x\nerror: the bucket is gone\ny"), 1, "the bucket is gone"),
        (command_error(f"error: {NO_LOGIN} during"), 1, "nobody is logged in to the place of the states"),
    ],
)
def test_what_a_user_or_a_cloud_caused_is_told_without_a_traceback(monkeypatch, capsys, failure, code, text):
    found, told = ended(monkeypatch, capsys, failure)
    assert found == code
    assert told.startswith(text)
    assert len(told.splitlines()) == 1


def test_the_first_command_on_a_fresh_machine_says_how_to_log_in_or_rehearse(monkeypatch, capsys):
    _, told = ended(monkeypatch, capsys, command_error(f"error: {NO_LOGIN} during"))
    assert 'pulumi login "$(pulumi -C bootstrap stack output backend)"' in told
    assert "--rehearse" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_a_signal_ended_exits_with_128_and_its_number(monkeypatch, capsys, number):
    assert ended(monkeypatch, capsys, SystemExit(1), [number])[0] == 128 + number
    assert ended(monkeypatch, capsys, SystemExit(3), [number])[0] == 3
    assert ended(monkeypatch, capsys, SystemExit(0), [number])[0] == 0


def test_a_mistake_of_the_program_keeps_its_traceback(monkeypatch, capsys):
    def fail(**_):
        raise KeyError("x")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(KeyError):
        cli.main()
