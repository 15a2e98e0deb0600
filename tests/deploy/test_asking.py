"""Questions before a change: what is shown, which answers go on, and where nobody can be asked."""

import contextlib
import os
import pty
import re
import select
import sys
from pathlib import Path

import pytest

from deploy.commands import changes
from deploy.commands.asking import ask_destroy, ask_up, attended
from deploy.commands.report import report
from deploy.stack_file import RefusedError
from deploy.summary import Summary
from tests.deploy.test_commands import SERVER, step, summary

SERVER_TYPE = "azure-native:dbforpostgresql:Server"
STATE = [
    {"urn": SERVER, "type": SERVER_TYPE, "custom": True},
    {"urn": SERVER + "2", "type": "azure-native:network:Subnet", "custom": True},
    {"urn": SERVER + "3", "type": "platform:index:Database", "custom": False},
]


class Person:
    """Somebody at the other end of a terminal."""

    def __init__(self, end):
        self.end = end

    def types(self, text):
        os.write(self.end, text.encode())

    def sees(self):
        sys.stdout.flush()
        shown = b""
        while select.select([self.end], [], [], 0)[0]:
            shown += os.read(self.end, 65536)
        return shown.decode().replace("\r\n", "\n")


@contextlib.contextmanager
def terminal(typed="", **environment):
    """A terminal as stdin and stdout of this process, and the person at it."""
    end, program = pty.openpty()
    with (
        os.fdopen(program) as stdin,
        os.fdopen(os.dup(program), "w") as stdout,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stdout", stdout)
        patch.delenv("NO_COLOR", raising=False)
        for name, value in ({"TERM": "xterm"} | environment).items():
            patch.setenv(name, value)
        person = Person(end)
        person.types(typed)
        yield person
    os.close(end)


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "Y\n"])
def test_an_update_goes_on_after_yes(answer):
    with terminal(answer) as person:
        ask_up(summary(step("update", keys=["sku"])))
        assert "Update prod? [y/N]" in person.sees()


@pytest.mark.parametrize("answer", ["\n", "n\n", "prod\n", "\x04"])
def test_any_other_answer_and_the_end_of_input_change_nothing(answer):
    with terminal(answer) as person:
        with pytest.raises(RefusedError, match="Nothing was changed") as refused:
            ask_up(summary(step("replace", keys=["location"])))
        seen = person.sees()
        assert "replace Server database" in seen
        assert "location changes, forces the replacement" in seen
    assert refused.value.code == 1


def test_an_update_without_changes_is_not_asked_about():
    with terminal() as person:
        ask_up(summary(step("same")))
        assert "?" not in person.sees()


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "Prod\n", "\n"])
def test_a_stack_is_deleted_only_after_its_name(answer):
    with terminal(answer) as person:
        with pytest.raises(RefusedError, match="Nothing was changed"):
            ask_destroy("prod", STATE)
        person.types("prod\n")
        ask_destroy("prod", STATE)
        seen = re.sub(r"\x1b\[\d*m", "", person.sees())
    assert (
        "destroy prod: 2 resources. These hold data or are used by others:\n  delete Server database\n"
        in seen
    )


def test_a_stack_that_cannot_or_need_not_be_deleted_is_not_asked_about():
    with terminal() as person:
        ask_destroy("prod", [*STATE, STATE[0] | {"protect": True}])
        ask_destroy("prod", STATE[2:])
        assert not person.sees()


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_what_is_lost_is_coloured_on_a_terminal_that_has_colours(environment):
    found = summary(step("replace", keys=["location"]), step("delete", SERVER + "2"), step("update"))
    with terminal(**environment) as person:
        report(found, json=False)
        colours = re.findall(r"\x1b\[(\d+)m(\w+)", person.sees())
    assert colours == ([] if environment else [("35", "replace"), ("31", "delete")])


def test_a_pipe_has_no_colours(capsys):
    report(summary(step("delete")), json=False)
    assert "\x1b" not in capsys.readouterr().out


def test_nobody_is_asked_in_a_pipe_or_for_json():
    with terminal(), Path(os.devnull).open() as pipe, pytest.MonkeyPatch.context() as patch:
        assert attended(json=False)
        assert not attended(json=True)
        patch.setattr(sys, "stdin", pipe)
        assert not attended(json=False)


def test_a_change_of_real_clouds_that_nobody_can_agree_to_is_refused_before_it_begins():
    for command, instead in ((changes.up, "--yes, or --plan FILE"), (changes.destroy, "--yes")):
        with pytest.raises(RefusedError, match=f"no terminal to ask on: add {instead}") as refused:
            command("prod")
        assert refused.value.code == 2


@pytest.mark.parametrize("option", [{"home": "x"}, {"scale": 1.0}, {"faults": "1"}])
def test_an_option_of_simulated_clouds_is_refused_on_real_ones(option):
    with pytest.raises(RefusedError, match=f"--{next(iter(option))} needs --rehearse"):
        changes.up("prod", yes=True, **option)


def test_a_refused_destroy_says_how_to_delete_the_stack_on_purpose(capsys):
    urns = {SERVER + str(number) for number in range(34)}
    found = Summary("prod", "destroy", kept=urns)
    found.add_implied_deletes(())
    with pytest.raises(Exception, match="3"):
        report(found, json=False)
    shown = capsys.readouterr()
    assert not shown.out
    assert len(shown.err.splitlines()) == 2
    assert "nothing was deleted. 34 resources are protected: Server database0" in shown.err
    assert "and 29 more" in shown.err
    assert "`platform:protected: false` in Pulumi.prod.yaml, run `up prod`, then `destroy prod`" in shown.err
