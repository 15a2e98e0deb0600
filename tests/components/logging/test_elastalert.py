"""ElastAlert2: rules that can fire, and a webhook that stays in its Secret."""

import json

import pulumi
import pytest
import yaml
from pulumi import Output

from components.kubernetes.charts import CHARTS
from components.logging.elastalert import ElastAlert
from components.logging.elastalert_values import RULES
from components.logging.settings import ElastAlertSettings
from components.logging.users import AUDIT, CONTAINERS
from tests.support.context import cluster_context
from tests.support.recorder import ROOT, secret

WEBHOOK = "https://hooks.slack.com/services/T0/B0/a-secret"
FILES = sorted(RULES.glob("*.yaml"))


@pytest.fixture
def recorder(run):
    return run(
        lambda: ElastAlert(
            "elastalert",
            ElastAlertSettings(),
            cluster_context(),
            login="elasticsearch-elastalert",
            login_checksum="checksum",
            webhook=Output.secret(WEBHOOK),
        )
    )


@pytest.fixture
def values(recorder):
    return recorder.one("kubernetes:helm.sh/v3:Release").inputs["values"]


def test_the_webhook_is_in_a_secret_only(recorder, values):
    assert WEBHOOK not in json.dumps(values)
    assert values["extraConfigOptions"]["slack_webhook_url"] == "${SLACK_WEBHOOK_URL}"
    [slack] = recorder.of_type("kubernetes:core/v1:Secret")
    assert slack.inputs["stringData"] == secret({"webhook-url": WEBHOOK}) or WEBHOOK in json.dumps(
        slack.inputs
    )


def test_messages_name_the_stack_and_link_to_kibana(values):
    options = values["extraConfigOptions"]
    assert options["slack_msg_pretext"] == f"Stack {pulumi.get_stack()}"
    assert options["slack_title_link"] == options["kibana_url"]


def test_conformance_runs_the_version_that_the_chart_installs():
    pinned = (ROOT / "tools" / "elastalert2" / "requirements.txt").read_text().splitlines()
    assert f"elastalert2=={CHARTS['elastalert2'].version}" in pinned


def test_elasticsearch_is_verified(values):
    connection = values["elasticsearch"]
    assert connection["useSsl"] == "True"
    assert connection["caCerts"].startswith(connection["certsVolumeMounts"][0]["mountPath"])


def test_every_rules_file_is_in_the_release(values):
    assert set(values["rules"]) == {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_rule_queries_an_existing_data_stream_and_alerts_slack(file):
    text = file.read_text()
    rule = yaml.safe_load(text)
    assert rule["index"] in (CONTAINERS, AUDIT)
    assert rule["alert"] == ["slack"]
    assert "realert" in rule, "otherwise it alerts every minute"
    assert "$" not in text, "ElastAlert2 would substitute an environment variable"
    # Fields of type `flattened` do not support these queries.
    query = json.dumps(rule["filter"])
    assert "wildcard" not in query
    assert "regexp" not in query


def test_rule_names_are_unique():
    names = [yaml.safe_load(file.read_text())["name"] for file in FILES]
    assert len(set(names)) == len(names)
