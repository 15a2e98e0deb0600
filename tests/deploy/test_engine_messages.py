"""The texts in `deploy/engine_messages.py` are those of the pinned engine."""

import gc
import json
import os
import signal
import warnings

import pulumi
import pytest
from pulumi import automation as auto
from pulumi.automation.events import DiagnosticEvent

from deploy.engine_messages import (
    ERROR,
    LOCK,
    ONLY_SUMMARIES,
    STATE_HALF_WRITTEN,
    program_error,
    protected_urn,
    without_colour,
)
from deploy.summary import Summary
from deploy.writer import engines, graceful_interrupts

URN = "urn:pulumi:dev::messages::pulumi:pulumi:Stack::messages-dev"
STATE = {
    "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""},
    "resources": [{"urn": URN, "type": "pulumi:pulumi:Stack", "custom": False, "protect": True}],
}


@pytest.fixture
def stack(tmp_path):
    """A stack with an empty state and no provider."""
    environment = {
        "PULUMI_BACKEND_URL": tmp_path.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    options = auto.LocalWorkspaceOptions(env_vars=environment)
    yield auto.create_or_select_stack("dev", "messages", lambda: None, opts=options)
    with warnings.catch_warnings():  # after an error the SDK leaves its event loop open
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_the_text_of_a_lock(stack, tmp_path):
    file = tmp_path / ".pulumi/locks/organization/messages/dev/0d3c.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = {"username": "ada", "hostname": "elsewhere", "pid": 7, "timestamp": "2026-01-01T00:00:00Z"}
    file.write_text(json.dumps(lock))
    with pytest.raises(auto.ConcurrentUpdateError) as locked:
        stack.rename("dev")
    assert LOCK.findall(str(locked.value)) == [("0d3c", "ada", "elsewhere", "7", "2026-01-01T00:00:00Z")]


def test_the_text_of_a_half_written_state(stack, tmp_path):
    [file] = (tmp_path / ".pulumi/stacks").rglob("dev.json")
    file.write_text("")
    with pytest.raises(auto.CommandError) as failed:
        stack.export_stack()
    assert STATE_HALF_WRITTEN.rpartition(":")[0] in ERROR.search(str(failed.value))[1]


def test_the_text_of_a_protected_resource(stack):
    stack.import_stack(auto.Deployment(version=3, deployment=STATE))
    summary = Summary("dev", "destroy")
    with pytest.raises(auto.CommandError):
        stack.destroy(on_event=summary.on_event)
    assert summary.kept == {URN}


def test_the_text_of_a_protected_replacement():
    """The engine needs a provider for this one: pkg/resource/deploy/step_generator.go."""
    message = f'unable to replace resource "{URN}"\nas it is currently marked for protection.'
    assert protected_urn(message, "") == URN
    assert protected_urn("the server is busy", URN) is None


def failed(run):
    """The messages of a run that fails, and its summary."""
    messages, summary = [], Summary("messages-dev", "preview")

    def on_event(event):
        summary.on_event(event)
        if event.diagnostic_event and event.diagnostic_event.severity == "error":
            messages.append(without_colour(event.diagnostic_event.message))

    with pytest.raises(auto.CommandError):
        run(on_event=on_event)
    return messages, summary


@pytest.mark.parametrize(("operation", "text"), [("preview", "preview failed"), ("up", "update failed")])
def test_the_last_error_of_a_failed_step_only_repeats_that_it_failed(stack, operation, text):
    async def program():
        await pulumi.StackReference("organization/messages/none").outputs.future()

    stack.workspace.program = program
    messages, summary = failed(getattr(stack, operation))
    assert text in messages
    assert text in ONLY_SUMMARIES
    assert summary.errors
    assert text not in summary.errors


def test_a_cancelled_run_is_one_error_that_says_how_to_go_on():
    """The engine's own text (pkg/resource/deploy/deployment_executor.go), after that of an ended request."""
    summary = Summary("prod", "up")
    for message in ("context canceled", "update canceled"):
        event = DiagnosticEvent(message=message, color="never", severity="error", urn=URN)
        summary.on_event(auto.EngineEvent(sequence=0, timestamp=0, diagnostic_event=event))
    [error] = summary.errors
    assert error.startswith("cancelled; finished operations are in the state")


def test_the_engine_does_not_end_with_its_terminal(stack):
    """Alone, a mask that blocks SIGHUP did not help: Go's threads do not keep it."""
    told = []

    def hang_up():
        for engine in engines():
            os.kill(engine.pid, signal.SIGHUP)
            told.append(engine.pid)

    stack.workspace.program = hang_up
    with graceful_interrupts():
        stack.preview(color="never")
    assert told


def test_an_error_of_the_program_has_no_frames_of_pulumi(stack):
    def fail():
        raise ValueError("no such zone")

    stack.workspace.program = fail
    messages = []
    with pytest.raises(auto.CommandError):
        stack.preview(on_event=lambda e: messages.append(e.diagnostic_event and e.diagnostic_event.message))
    [message] = [each for each in messages if each and each.startswith("an unhandled error occurred: ")]
    assert "Traceback (most recent call last):\n" in message
    assert program_error(message).startswith("python inline source runtime error: no such zone")
    text = (
        'Traceback (most recent call last):\n  File "pulumi/x.py", line 1\n  File "/p/__main__.py", line 2\n'
    )
    assert program_error(text) == text.replace('  File "pulumi/x.py", line 1\n', "")
