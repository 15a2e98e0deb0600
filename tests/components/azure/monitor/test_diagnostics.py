"""Azure's own logs: categories, and the workspace that keeps them."""

from components.azure.monitor.diagnostics import CLUSTER, DATABASE, KEY_VAULT, Diagnostics
from components.azure.resource_groups import AzureContext
from components.azure.settings import WorkspaceSettings
from tests.support.recorder import SUBSCRIPTION

SETTING = "azure-native:monitor:DiagnosticSetting"
WORKSPACE = "azure-native:operationalinsights:Workspace"
THINGS = f"{SUBSCRIPTION}/resourceGroups/g/providers/"
LOGS = {
    "cluster": (f"{THINGS}cluster", CLUSTER),
    "keys": (f"{THINGS}keys", KEY_VAULT),
    "database": (f"{THINGS}database", DATABASE),
}


def made(run, given=None, *, protected=True, **changes):
    context = AzureContext("stateful", "westeurope", {"environment": "test"}, protected)
    settings = WorkspaceSettings.model_validate(changes)
    return run(lambda: Diagnostics("diagnostics", settings, given, context=context, logs=LOGS))


def test_each_resource_sends_its_categories_to_the_workspace_of_the_stack(run):
    recorder = made(run)
    workspace = recorder.one(WORKSPACE)
    found = recorder.named(SETTING)
    assert {name: [log["category"] for log in each.inputs["logs"]] for name, each in found.items()} == {
        "diagnostics-cluster": ["kube-audit-admin", "guard"],
        "diagnostics-keys": ["AuditEvent"],
        "diagnostics-database": ["PostgreSQLLogs"],
    }
    for each in found.values():
        assert each.inputs["workspaceId"].endswith(f"/{workspace.name}")
        assert all(log["enabled"] for log in each.inputs["logs"])


def test_the_logs_are_kept_and_paid_as_the_settings_say(run):
    inputs = made(run, retentionDays=365, dailyCapGb=5).one(WORKSPACE).inputs
    assert (inputs["retentionInDays"], inputs["workspaceCapping"]) == (365, {"dailyQuotaGb": 5})


def test_the_logs_are_protected_and_read_by_logins_only(run):
    workspace = made(run).one(WORKSPACE)
    assert workspace.options["protect"] is True
    assert workspace.inputs["features"] == {"disableLocalAuth": True}
    assert not made(run, protected=False).one(WORKSPACE).options.get("protect")


def test_a_workspace_that_is_there_is_used_and_none_is_made(run):
    recorder = made(run, "/the/other")
    assert not recorder.of_type(WORKSPACE)
    assert {each.inputs["workspaceId"] for each in recorder.of_type(SETTING)} == {"/the/other"}
