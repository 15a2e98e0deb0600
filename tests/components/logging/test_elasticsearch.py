"""Elasticsearch, Kibana and fluent-bit: users with minimal privileges, TLS, and retention."""

import json
import re

import pytest
import yaml

from components.logging.elasticsearch import Elasticsearch
from components.logging.settings import ElasticsearchSettings, KibanaSettings, days_or_hours
from components.logging.users import ALERTS, AUDIT, CONTAINERS, ROLES, USERS
from components.logging.values import fluent_bit, operator
from tests.support.context import cluster_context
from tests.support.recorder import PASSWORD

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"


def made(run, *, protected=True, keep=None, **changes):
    def program():
        logs = Elasticsearch(
            "elasticsearch",
            ElasticsearchSettings.model_validate(changes),
            KibanaSettings(),
            cluster_context(protected=protected),
        )
        if keep:
            keep(logs)

    return run(program)


def values(recorder, name):
    [found] = [release for release in recorder.of_type(RELEASE) if release.name == name]
    return found.inputs["values"]


@pytest.mark.parametrize(("setting", "expected"), [("36h", "36h"), ("30d", "30d"), ("2w", "14d")])
def test_the_retention_is_converted_to_elasticsearchs_units(run, setting, expected):
    assert days_or_hours(setting) == expected
    [container] = (
        made(run, retention=setting)
        .one("kubernetes:batch/v1:Job")
        .inputs["spec"]["template"]["spec"]["containers"]
    )
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert json.loads(environment["RETENTION"]) == {CONTAINERS: expected, AUDIT: "365d"}


@pytest.mark.parametrize(("nodes", "replicas"), [(1, "0"), (3, "1")])
def test_a_single_node_has_no_replica(run, nodes, replicas):
    [container] = (
        made(run, nodes=nodes).one("kubernetes:batch/v1:Job").inputs["spec"]["template"]["spec"]["containers"]
    )
    assert {"name": "REPLICAS", "value": replicas} in container["env"]


def test_the_superuser_is_disabled_and_all_users_are_defined_here(run):
    recorder = made(run)
    auth = values(recorder, "elasticsearch")["auth"]
    assert auth["disableElasticUser"] is True
    made_secrets = {each.inputs["metadata"]["name"]: each.inputs for each in recorder.of_type(SECRET)}
    for given in auth["fileRealm"]:
        secret = made_secrets[given["secretName"]]
        assert secret["type"] == "kubernetes.io/basic-auth"
        assert set(secret["stringData"]["value"] if "value" in secret["stringData"] else secret["stringData"])
    assert len(auth["fileRealm"]) == len(USERS)


def test_the_writer_cannot_read_or_delete():
    [on] = ROLES["writer"]["indices"]
    assert set(on["privileges"]) == {"create_doc", "auto_configure"}
    assert "cluster" not in ROLES["writer"]


def test_only_people_and_elastalert_read_the_audit_logs():
    readers = {
        role
        for role, may in ROLES.items()
        for on in may["indices"]
        if AUDIT in on["names"] and {"read", "all"} & set(on["privileges"])
    }
    assert readers == {"reader", "elastalert-user"}
    assert not [may for may in ROLES.values() if "all" in may.get("cluster", [])]
    assert [on["names"] for may in ROLES.values() for on in may["indices"] if "all" in on["privileges"]] == [
        [ALERTS]
    ]


def test_every_user_has_roles_that_exist():
    builtin = {"kibana_admin"}
    for roles in USERS.values():
        assert set(roles.split(",")) <= builtin | set(ROLES)


def test_passwords_are_in_secrets_only(run):
    for resource in made(run).resources:
        if resource.type not in (SECRET, "random:index/randomPassword:RandomPassword"):
            assert PASSWORD not in json.dumps(resource.inputs), resource.name


def test_elasticsearch_and_kibana_have_certificates_of_the_internal_ca(run):
    recorder = made(run)
    hosts = {
        each.inputs["spec"]["secretName"]: each.inputs["spec"]["dnsNames"]
        for each in recorder.of_type("kubernetes:cert-manager.io/v1:Certificate")
    }
    for release, server in (
        ("elasticsearch", "logging-es-http.logging.svc"),
        ("kibana", "logging-kb-http.logging.svc"),
    ):
        secret = values(recorder, release)["http"]["tls"]["certificate"]["secretName"]
        assert hosts[secret] == [server]


def test_data_outlives_the_object_and_the_release_is_protected(run):
    recorder = made(run)
    given = values(recorder, "elasticsearch")
    assert given["volumeClaimDeletePolicy"] == "DeleteOnScaledownOnly"
    [node_set] = given["nodeSets"]
    [claim] = node_set["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "elasticsearch-data", "the operator requires this name"
    assert claim["spec"]["storageClassName"] == "retain"
    [release] = [each for each in recorder.of_type(RELEASE) if each.name == "elasticsearch"]
    assert release.options["protect"]


def test_a_single_elasticsearch_node_does_not_block_drains(run):
    budget = values(made(run, nodes=1), "elasticsearch")["podDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget


def test_fluent_bit_verifies_elasticsearch_and_retries_without_limit():
    outputs = fluent_bit(login="login", ca="ca", config_checksum="x", monitors=True)["config"]["outputs"]
    assert outputs.count("[OUTPUT]") == 2
    assert outputs.count("tls.verify On") == outputs.count("Retry_Limit no_limits") == 2
    assert re.findall(r"Index (\w+)", outputs) == [CONTAINERS, AUDIT]
    assert "HTTP_Passwd ${ES_PASSWORD}" in outputs


def test_fluent_bit_runs_as_root_without_capabilities():
    security = fluent_bit(login="login", ca="ca", config_checksum="x", monitors=True)["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["allowPrivilegeEscalation"] is False


def test_the_operator_has_no_cpu_limit_and_sends_no_telemetry(run):
    given = values(made(run), "eck-operator")
    assert operator(monitors=True)["resources"]["limits"]["cpu"] is None, "the chart's default is one"
    assert given["telemetry"] == {"disabled": True}
    assert given["managedNamespaces"] == ["logging"]


def test_grafana_reads_container_logs_with_its_own_user(run):
    found = []
    made(run, keep=lambda logs: found.append(logs.source))
    [source] = found
    assert (source.url, source.user) == ("https://logging-es-http.logging.svc:9200", "grafana")
    assert source.json_data["index"] == CONTAINERS
    [on] = ROLES[USERS["grafana"]]["indices"]
    assert on["names"] == [CONTAINERS]


def test_the_roles_file_is_valid_yaml(run):
    [roles] = [each for each in made(run).of_type(SECRET) if each.name == "elasticsearch-roles"]
    text = json.dumps(roles.inputs["stringData"])
    assert "roles.yml" in text
    assert yaml.safe_load(json.dumps(ROLES)) == ROLES
