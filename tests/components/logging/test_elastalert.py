"""Alerts from the logs: rules that can fire, and a webhook that nobody reads."""

import json

import pytest
import yaml
from pulumi import Output

from components.logging.elastalert import ElastAlert
from components.logging.elastalert_values import RULES
from components.logging.settings import ElastAlertSettings
from components.logging.users import AUDIT, CONTAINERS
from tests.support.context import cluster_context
from tests.support.recorder import secret

WEBHOOK = "https://hooks.slack.com/services/T0/B0/one-that-nobody-reads"
FILES = sorted(RULES.glob("*.yaml"))


@pytest.fixture
def recorder(run):
    return run(
        lambda: ElastAlert(
            "log-alerts",
            ElastAlertSettings(),
            cluster_context(),
            login="elasticsearch-elastalert",
            login_checksum="stamp",
            webhook=Output.secret(WEBHOOK),
        )
    )


@pytest.fixture
def values(recorder):
    return recorder.one("kubernetes:helm.sh/v3:Release").inputs["values"]


def test_the_webhook_is_in_its_secret_and_nowhere_else(recorder, values):
    assert WEBHOOK not in json.dumps(values)
    assert values["extraConfigOptions"]["slack_webhook_url"] == "${SLACK_WEBHOOK_URL}"
    [slack] = recorder.of_type("kubernetes:core/v1:Secret")
    assert slack.inputs["stringData"] == secret({"webhook-url": WEBHOOK}) or WEBHOOK in json.dumps(
        slack.inputs
    )


def test_elasticsearch_is_verified(values):
    told = values["elasticsearch"]
    assert told["useSsl"] == "True"
    assert told["caCerts"].startswith(told["certsVolumeMounts"][0]["mountPath"])


def test_every_rule_is_there(values):
    assert set(values["rules"]) == {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_rule_asks_a_stream_that_there_is_and_tells_slack(file):
    text = file.read_text()
    rule = yaml.safe_load(text)
    assert rule["index"] in (CONTAINERS, AUDIT)
    assert rule["alert"] == ["slack"]
    assert "realert" in rule, "or else Slack is told every minute"
    assert "$" not in text, "ElastAlert2 would put the environment in its place"
    # What a field of type `flattened` can be asked by.
    asked = json.dumps(rule["filter"])
    assert "wildcard" not in asked
    assert "regexp" not in asked


def test_no_two_rules_have_one_name():
    names = [yaml.safe_load(file.read_text())["name"] for file in FILES]
    assert len(set(names)) == len(names)
