"""Summaries of the engine's events, and the commands' messages."""

import json
import os

import pytest
import typer
import yaml
from pulumi import automation as auto
from pulumi.automation import EngineEvent
from pulumi.automation.events import (
    DiagnosticEvent,
    ResourcePreEvent,
    StepEventMetadata,
    StepEventStateMetadata,
)

from deploy.approval import Plan
from deploy.commands.report import report
from deploy.comment import as_markdown
from deploy.render import RELEASE, SECRET, UNKNOWN, rendered, write
from deploy.stack import StackRunner
from deploy.stack_file import ROOT, RefusedError, config, settings, stacks
from deploy.summary import Summary, shortened
from deploy.text import as_text, listed
from deploy.writer import exclusive
from policy.program import REFUSED

SERVER = "urn:pulumi:prod::platform::platform:index:Database$azure-native:dbforpostgresql:Server::database"


def step(operation, urn=SERVER, *, protect=False, custom=True, keys=None, diffs=None):
    state = StepEventStateMetadata(
        type="", urn=urn, id="", parent="", provider="", inputs={}, outputs={}, custom=custom, protect=protect
    )
    metadata = StepEventMetadata(
        op=operation,
        urn=urn,
        type="azure-native:x:Y",
        provider="",
        old=state,
        new=state,
        keys=keys,
        diffs=diffs,
    )
    return EngineEvent(sequence=0, timestamp=0, resource_pre_event=ResourcePreEvent(metadata=metadata))


def error(message, urn="", severity="error", *, ephemeral=False):
    event = DiagnosticEvent(message=message, color="never", severity=severity, urn=urn, ephemeral=ephemeral)
    return EngineEvent(sequence=0, timestamp=0, diagnostic_event=event)


def summary(*events, operation="preview", state=()):
    found = Summary("prod", operation)
    for event in events:
        found.on_event(event)
    found.add_implied_deletes(state)
    return found


def test_the_short_name_of_a_resource_is_its_type_and_name():
    assert shortened(SERVER) == "Server database"


def test_a_replacement_says_which_of_its_properties_forces_it():
    found = summary(step("replace", keys=["administratorLogin"], diffs=["administratorLogin", "tags"]))
    assert found.changes[0].diff_keys == ("administratorLogin",)
    assert "administratorLogin changes, forces the replacement\n      tags changes" in as_text(found)


def test_a_protected_resource_may_be_updated_and_not_replaced_or_deleted():
    assert summary(step("replace", protect=True)).refused
    assert summary(step("delete", protect=True)).refused
    assert not summary(step("update", protect=True)).refused


def test_a_deletion_that_the_engine_refuses_without_a_step_is_listed():
    found = summary(error(f'resource "{SERVER}" cannot be deleted', SERVER))
    assert "  delete Server database, which is protected" in as_text(found).splitlines()
    assert not found.errors


def test_deletions_after_the_first_refused_one_are_listed_too():
    state = [
        {"urn": SERVER + end, "type": type_, "custom": type_ != "c", "protect": end == "2"}
        for end, type_ in (("", "x"), ("2", "x"), ("3", "x"), ("4", "c"), ("5", "pulumi:providers:x"))
    ]
    found = summary(step("delete", protect=True), step("same", SERVER + "3"), state=state)
    assert [change.urn for change in found.of("delete")] == [SERVER, SERVER + "2"]
    assert len(found.refused) == 2
    assert not summary(step("same", SERVER + "3"), state=state).changes


def test_a_refused_replacement_is_listed_once():
    found = summary(
        error(f'unable to replace resource "{SERVER}"\nas it is currently marked for protection.', SERVER),
        step("replace", protect=True, keys=["administratorLogin"]),
    )
    assert found.counts == {"replace": 1, "same": 0}


def test_components_are_not_counted_as_resources():
    assert summary(step("create", custom=False)).counts == {"same": 0}


def test_debug_messages_are_never_shown():
    """Debug messages hold all inputs in plain text, also secrets."""
    found = summary(error("registering: password=hunter2", severity="debug"))
    assert "hunter2" not in as_text(found) + found.as_json() + as_markdown(found)


def test_a_rule_that_cannot_run_is_no_rule_that_holds():
    """It is told in the terminal, in the comment and in the plan."""
    text = "could not be checked in this preview: tagged on VirtualNetwork a (tags unknown) and 2 more"
    found = summary(error(text, "", "warning"))
    assert f"  {text}" in as_text(found).splitlines()
    assert f"- {text}" in as_markdown(found).splitlines()
    assert text in Plan.of(found, []).unchecked
    assert "is violated, as far as this run could check." in as_markdown(found)
    assert "is violated." in as_markdown(summary())
    assert "as far as" in as_markdown(summary(error("it stopped")))
    assert not found.failed


@pytest.mark.parametrize(
    "text",
    [
        "Cluster is unreachable, skipping replaceUnready check",
        "configured Kubernetes cluster is unreachable: unable to load schema",
    ],
)
@pytest.mark.parametrize(("operation", "code"), [("preview", 1), ("drift", 1), ("up", 0)])
def test_a_preview_that_reached_no_cluster_says_that_it_is_incomplete(text, operation, code):
    """The provider only warns, once for each Job (provider.go), and compares with the state."""
    found = summary(*(error(text, SERVER + end, "warning") for end in "12"), operation=operation)
    [note] = found.notes
    assert note.startswith("incomplete: the cluster's API server was not reached")
    assert note in as_text(found)
    assert note in as_markdown(found)
    ended = 0
    try:
        report(found, json=False)
    except typer.Exit as how:
        ended = how.exit_code
    assert ended == code


def test_a_warning_is_listed_once_and_what_passes_is_not():
    found = summary(
        *(error("it is deprecated", SERVER + end, "warning") for end in "12"),
        error("waiting for the pod", SERVER, "warning", ephemeral=True),
    )
    assert found.notes == ["warning: Server database1 and 1 more: it is deprecated"]


def test_a_note_is_one_line_and_none_says_where_a_plugin_was_found():
    found = summary(
        error("inputs are not known.\nThis preview may be wrong.", SERVER, "warning"),
        error("using pulumi-resource-kubernetes from $PATH at /bin/x", "", "warning"),
    )
    assert found.notes == ["warning: Server database: inputs are not known. This preview may be wrong."]


def test_one_cause_of_many_failed_resources_is_one_error():
    full = "failed to save snapshot: no space left on device"
    found = summary(*(error(full, SERVER + str(end)) for end in range(12)), error("denied", SERVER))
    assert found.errors == [f"Server database0: {full}", "Server database: denied"]


def test_each_violation_in_the_programs_error_is_one_of_its_own():
    lines = ["Server database: It holds data. [protected-data]", "Release web: No. [pinned-images]"]
    told = error("\n".join([REFUSED, *(f"  {line}" for line in lines)]))
    found = summary(told, told)  # as the engine does
    assert found.violations == lines
    assert found.failed
    assert not found.errors


def test_json_and_markdown_list_the_same_changes_as_the_text():
    found = summary(
        step("replace", keys=["location"]), step("delete", SERVER + "2"), step("same", SERVER + "3")
    )
    as_json = json.loads(found.as_json())
    assert as_json["changes"] == {"replace": 1, "delete": 1, "same": 1}
    assert as_json["replacements"][0]["diffKeys"] == ["location"]
    assert as_json["replacements"][0]["properties"] == ["location changes"]
    assert "- `Server database`\n  - `location` changes, forces the replacement" in as_markdown(found)


def test_each_output_has_a_line_and_the_entries_of_a_mapping_follow_it():
    shown = listed({"urls": {"vault": "https://v", "charts": "https://c"}, "egress": ["1.2.3.4", "5.6.7.8"],
                    "groups": {}})  # fmt: skip
    assert shown == [
        "  egress  1.2.3.4, 5.6.7.8",
        "  groups  none",
        "  urls",
        "    charts  https://c",
        "    vault   https://v",
    ]


def test_rendered_files_are_values_releases_and_manifests_without_secrets():
    files = rendered([
        {"type": "kubernetes:helm.sh/v3:Release", "inputs": {
            "name": "web", "namespace": "concourse", "chart": "concourse", "version": "1.2.3",
            "repositoryOpts": {"repo": "https://charts.example.org"}, "values": {"replicas": 2}}},
        {"type": "kubernetes:core/v1:Secret", "inputs": {
            "kind": "Secret", "metadata": {"name": "login", "namespace": "concourse"},
            "data": {SECRET: "x", "plaintext": "hunter2"}, "stringData": {"password": "hunter2"}}},
        {"type": "azure-native:network:Subnet", "inputs": {}},
    ])  # fmt: skip
    assert files["web.yaml"] == {"replicas": 2}
    assert files["releases.yaml"] == [{
        "name": "web", "namespace": "concourse", "chart": "concourse", "version": "1.2.3",
        "repository": "https://charts.example.org"}]  # fmt: skip
    assert files["manifests/concourse-secret-login.yaml"]["data"] == "[secret]"
    assert "hunter2" not in str(files)
    assert len(files) == 3


def test_a_second_rendering_removes_files_that_no_longer_exist(tmp_path):
    write({"releases.yaml": [], "old.yaml": {}, "manifests/old.yaml": {}}, tmp_path)
    write({"releases.yaml": [], "new.yaml": {}}, tmp_path)
    assert sorted(f.name for f in tmp_path.rglob("*.yaml")) == ["new.yaml", "releases.yaml"]


def test_an_unknown_stack_is_refused_with_the_nearest_names():
    with pytest.raises(RefusedError, match="did you mean prod"):
        config("prd")


def test_a_stack_file_that_is_not_yaml_or_has_no_config_is_refused(tmp_path):
    (tmp_path / "Pulumi.bad.yaml").write_text("config: {a: [")
    with pytest.raises(RefusedError, match="is not YAML"):
        config("bad", tmp_path)
    (tmp_path / "Pulumi.bad.yaml").write_text(yaml.safe_dump({"settings": {}}))
    with pytest.raises(RefusedError, match="config: missing; write the settings below it"):
        config("bad", tmp_path)


def test_the_four_environments_are_stack_files():
    assert stacks() == ["demo", "infra", "prod", "staging"]


def test_a_resource_that_loses_its_protection_in_the_same_update_may_be_replaced():
    given_up = step("replace", protect=True, keys=["location"])
    given_up.resource_pre_event.metadata.new = StepEventStateMetadata(
        type="", urn=SERVER, id="", parent="", provider="", inputs={}, outputs={}, custom=True, protect=False
    )
    assert not summary(given_up).refused


def release(name, before, after):
    """A step that changes a release from some inputs to others."""
    old, new = (
        StepEventStateMetadata(
            type=RELEASE, urn=SERVER, id="", parent="", provider="", custom=True, outputs={},
            inputs={"name": name, "chart": "concourse", "version": "1", "values": {}} | inputs,
        )
        for inputs in (before, after)
    )  # fmt: skip
    metadata = StepEventMetadata(
        op="update", urn=SERVER, type=RELEASE, provider="", old=old, new=new, diffs=[*after]
    )
    return EngineEvent(sequence=0, timestamp=0, resource_pre_event=ResourcePreEvent(metadata=metadata))


def test_a_comment_has_the_diff_of_a_file_unless_its_list_of_properties_says_as_much():
    text = "\n".join(map(str, range(99)))
    changed = release("web", {"values": {"config": f"{text}\nold"}}, {"values": {"config": f"{text}\nnew"}})
    found = as_markdown(summary(step("same", SERVER + "2"), changed))
    assert "<summary>web.yaml</summary>" in found
    assert "-  old\n+  new" in found
    assert "releases.yaml" not in found
    short = release("web", {"values": {"replicas": 2}}, {"values": {"replicas": 3}})
    found = as_markdown(summary(step("same", SERVER + "2"), short))
    assert "- `values.replicas`: `2` → `3`" in found
    assert "<summary>" not in found


def test_a_comment_shows_the_new_version_of_each_release_of_a_chart():
    changed = [release(name, {}, {"version": "2"}) for name in ("web", "workers")]
    found = as_markdown(summary(step("same", SERVER + "2"), *changed))
    assert found.count("  - `version`: `1` → `2`") == 2


def test_unknown_values_of_a_preview_are_no_difference_and_hide_none():
    later = {"name": UNKNOWN, "values": {"host": UNKNOWN, "new": UNKNOWN, "a": [{"b": 2, "c": UNKNOWN}]}}
    found = summary(release("web", {"values": {"host": "h", "a": [{"b": 1, "c": 3}]}}, later))
    assert list(found.changes[0].files) == ["web.yaml"]
    changed = [line for line in found.changes[0].files["web.yaml"].splitlines() if line[0] in "+-"]
    assert changed == ["--- before", "+++ after", "-- b: 1", "+- b: 2", "+new: (known later)"]


def test_a_comment_keeps_githubs_limit_and_counts_the_files_it_leaves_out():
    changed = [
        release(f"r{n}", {"values": {"a": "b\n" * 400}}, {"values": {"a": "c\n" * 400}}) for n in range(50)
    ]
    found = as_markdown(summary(step("same", SERVER + "2"), *changed))
    assert 50_000 < len(found) < 65_536
    assert "more files differ: `python -m deploy render` writes all of them" in found


def test_two_stacks_with_one_external_url_are_refused(tmp_path):
    for stack in ("prod", "other"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text((ROOT / "Pulumi.prod.yaml").read_text())
    with pytest.raises(RefusedError, match=r"dns: the stack prod has .* too; change the zone"):
        settings("other", tmp_path)


@pytest.mark.parametrize("stack", stacks())
def test_the_hosts_of_each_stack_are_its_own(stack):
    assert settings(stack)


def test_a_second_update_of_a_rehearsed_stack_is_refused_with_the_process_of_the_first(tmp_path):
    expected = pytest.raises(RefusedError, match=rf"pid {os.getpid()}\) since 20")
    with exclusive(tmp_path), expected as refused, exclusive(tmp_path):
        pass
    assert refused.value.code == 5
    with exclusive(tmp_path):
        pass


def test_a_stack_that_does_not_exist_is_refused_and_not_created(tmp_path):
    environment = {"PULUMI_BACKEND_URL": tmp_path.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "test"}
    with pytest.raises(RefusedError, match="pulumi stack init prod --secrets-provider"):
        StackRunner("prod", auto.LocalWorkspaceOptions(work_dir=str(ROOT), env_vars=environment))
    assert not [file for file in tmp_path.rglob("*") if "prod" in file.name]


@pytest.mark.parametrize(("times", "opens"), [(2, True), (9, False)])
def test_opening_a_stack_is_repeated_while_its_state_is_being_written(monkeypatch, times, opens):
    """The engine of a killed run may still write it: seen after a SIGKILL at the third change."""
    message = "error: failed to load checkpoint: EOF"
    answers = iter([auto.CommandError(auto.CommandResult("", message, 255))] * times)

    def select(*_, **__):
        for error in answers:
            raise error
        return "opened"

    monkeypatch.setattr(auto, "select_stack", select)
    monkeypatch.setattr("deploy.stack.time.sleep", lambda _: None)
    if opens:
        assert StackRunner("prod", None).stack == "opened"
    else:
        with pytest.raises(RefusedError, match="prod cannot be opened: failed to load checkpoint: EOF"):
            StackRunner("prod", None)


def test_a_retry_by_our_own_hook_is_no_warning():
    """A first `up` on a busy day has some; the engine's words sound like a fault."""
    found = summary(error("retrying create due to on-error hook request (1/100)", SERVER, "warning"))
    assert found.notes == ["tried again after a passing error, which is normal: Server database"]
    assert not found.failed


def test_a_destroy_that_succeeds_lists_no_resource():
    assert as_text(summary(step("delete"), operation="destroy")).count("\n") == 0
    assert "delete Server" in as_text(summary(step("delete", protect=True), operation="destroy"))
