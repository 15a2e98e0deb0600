"""The real ElastAlert2 loads our rules, asks the right streams, and sends what a person understands."""

from datetime import UTC, datetime, timedelta

import pytest
import yaml

from components.logging.elastalert_values import RULES, values
from components.logging.settings import ElastAlertSettings
from tests.conformance.fake_elasticsearch import Search, mapped, serving
from tests.conformance.servers import HOST, running, tool

NOW = datetime.now(UTC)
KIBANA = "https://kibana.ci.example.org"
NAMES = {file.stem: yaml.safe_load(file.read_text())["name"] for file in sorted(RULES.glob("*.yaml"))}
DENIED = "1 error occurred:\n\t* permission denied\n\n"


def line(namespace, ago=60, **fields):
    """A document as fluent-bit writes it: a program's JSON is below `fields`."""
    time = (NOW - timedelta(seconds=ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "@timestamp": time,
        "log": "the line",
        "stream": "stdout",
        "kubernetes": {"namespace_name": namespace, "pod_name": "pod", "container_name": "container"},
        "fields": fields,
    }


def concourse(level, ago=60):
    return line("concourse", ago, level=level, source="atc", message="atc.tick.failed", data={"error": "x"})


def vault(kind="response", ago=60, **fields):
    return line("vault", ago, type=kind, request={"path": "concourse/payments/token"}, **fields)


ERRORS = [concourse("error", 30 + index) for index in range(60)]
DENIALS = [vault(error=DENIED, ago=30 + index) for index in range(60)]
ROOT = [vault(auth={"policies": ["root"], "display_name": "root"})]
BUSY = [concourse("info", 10 * index) for index in range(1, 240)]
INCIDENTS = {
    "concourse_errors": {"containers": BUSY + ERRORS},
    "vault_denials": {"containers": BUSY, "audit": DENIALS},
    "vault_root_token": {"containers": BUSY, "audit": ROOT},
    "logs_silent": {"containers": [concourse("info", 1800 + 10 * index) for index in range(60)]},
}
"""Documents by the rule that fires, and only this one."""
QUIET = {
    "a busy day": {"containers": BUSY},
    "errors of another program": {"containers": BUSY + [line("kibana", 30, level="error")] * 60},
    "a few errors": {"containers": BUSY + ERRORS[:40]},
    "a few denials": {"containers": BUSY, "audit": DENIALS[:40]},
    "other errors of Vault": {
        "containers": BUSY,
        "audit": [vault(error="1 error occurred:\n\t* invalid")] * 60,
    },
    "requests without their answers": {"containers": BUSY, "audit": [vault("request", error=DENIED)] * 60},
    "other policies": {"containers": BUSY, "audit": [vault(auth={"policies": ["default", "concourse"]})]},
}


def run(folder, documents):
    """The state of the server after one run over the last 40 minutes."""
    state = Search(documents)
    made = values(
        ElastAlertSettings(),
        login="login",
        ca="ca",
        slack="slack",
        kibana=KIBANA,
        stack="prod",
        config_checksum="",
        monitors=True,
    )
    rules = folder / "rules"
    rules.mkdir()
    for name, text in made["rules"].items():
        (rules / f"{name}.yaml").write_text(text)
    config = folder / "config.yaml"
    with serving(state, HOST) as port:
        # The keys of the chart's template at 2.31.0, without TLS and login.
        settings = {
            "rules_folder": str(rules),
            "run_every": {"minutes": made["runIntervalMins"]},
            "buffer_time": {"minutes": 15},
            "es_host": HOST,
            "es_port": port,
            "writeback_index": "elastalert",
            "alert_time_limit": {"minutes": 2880},
            **made["extraConfigOptions"],
        }
        config.write_text(yaml.safe_dump(settings))
        start, end = ((NOW - timedelta(minutes=ago)).isoformat(timespec="seconds") for ago in (40, 0))
        argv = [
            tool("elastalert2"),
            "--config",
            config,
            "--start",
            start,
            "--end",
            end,
            "--verbose",
            "--pin_rules",
        ]
        log = folder / "log"
        environment = {"SLACK_WEBHOOK_URL": f"http://{HOST}:{port}/slack"}

        def done():
            said = log.read_text()
            assert "Traceback" not in said, said
            return all(f"Ran {name} from" in said for name in NAMES.values())

        with running(argv, log, done, env=environment):  # it would sleep for the rest of the minute
            pass
    return state


def titles(state):
    return {attachment["title"] for message in state.messages for attachment in message["attachments"]}


@pytest.mark.parametrize("rule", INCIDENTS)
def test_a_rule_fires_on_its_incident_and_no_other_rule_does(rule, tmp_path):
    state = run(tmp_path, INCIDENTS[rule])
    assert {title.partition(" - ")[0] for title in titles(state)} == {NAMES[rule]}
    assert state.unknown == []
    for message in state.messages:
        [attachment] = message["attachments"]
        assert message["channel"] == "#cd-alerts"
        assert attachment["pretext"] == "Stack prod"
        assert attachment["title_link"] == KIBANA
        assert len(attachment["text"].strip()) > 40
        assert "permission denied" not in attachment["text"], "documents may contain what is secret"


@pytest.mark.parametrize("case", QUIET)
def test_no_rule_fires_on(case, tmp_path):
    assert titles(run(tmp_path, QUIET[case])) == set()


def test_rules_ask_the_streams_and_fields_that_exist(tmp_path):
    asked = run(tmp_path, QUIET["a busy day"]).asked
    assert {stream for stream, _ in asked} == {"containers", "audit"}
    for _, query in asked:
        for path in paths(query):
            assert path.partition(".")[0] in mapped(), path


def paths(query):
    """Fields of a query."""
    if isinstance(query, list):
        for each in query:
            yield from paths(each)
    elif isinstance(query, dict):
        for key, inner in query.items():
            if key in {"term", "prefix", "range"}:
                yield from inner
            else:
                yield from paths(inner)
