"""Jobs that run scripts: restricted, run again after each change, without secrets in their arguments."""

import json

import pytest
from pulumi import ComponentResource, Output

from components.kubernetes.job import checksum, pod_template, python_job
from tests.support.job_scripts import script_file
from tests.support.recorder import STACKS

JOB = "kubernetes:batch/v1:Job"


def made(run, **changes):
    def program():
        how = {
            "namespace": "consul",
            "script": script_file("influxdb.py"),
            "environment": {"CONSUL_URL": "https://consul"},
            "secrets": "tokens",
            "checksum": "checksum",
            "ca": "ca",
        }
        python_job("acl", parent=ComponentResource("platform:index:T", "t"), **(how | changes))

    return run(program)


def template(recorder):
    return recorder.one(JOB).inputs["spec"]["template"]


def test_the_pod_meets_the_restricted_level(run):
    spec = template(made(run))["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_a_failed_job_runs_again_in_the_next_update(run):
    annotations = made(run).one(JOB).inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/replaceUnready"] == "true"


def test_it_has_a_deadline_and_no_ttl(run):
    """After a TTL a refresh would not find it, and the next update would run it again."""
    spec = made(run).one(JOB).inputs["spec"]
    assert spec["activeDeadlineSeconds"] == 900
    assert "ttlSecondsAfterFinished" not in spec


@pytest.mark.parametrize("stack", STACKS)
def test_the_provider_sees_the_end_of_every_job_at_once_with_its_last_words(run_stack, stack):
    """It knows two reasons (await/checker/job); a Job that ends by a rule FailJob has another."""
    jobs = run_stack(stack).of_type(JOB)
    assert len(jobs) > 5
    for job in jobs:
        spec, annotations = job.inputs["spec"], job.inputs["metadata"]["annotations"]
        assert spec["backoffLimit"] == 0, job.name
        assert {rule["action"] for rule in spec["podFailurePolicy"]["rules"]} == {"Ignore"}, job.name
        assert spec["activeDeadlineSeconds"] < int(annotations["pulumi.com/timeoutSeconds"])
        for container in spec["template"]["spec"]["containers"]:
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError", job.name
            for each in container["env"]:
                if each["name"] == "PATIENCE_SECONDS":
                    assert int(each["value"]) < spec["activeDeadlineSeconds"]


def test_a_changed_script_runs_again(run):
    first = template(made(run))["metadata"]["annotations"]["checksum/scripts"]
    other = template(made(run, extra_files={"policy.hcl": "path"}))["metadata"]["annotations"][
        "checksum/scripts"
    ]
    assert first != other


def test_secrets_are_files_and_not_arguments_or_environment(run):
    spec = template(made(run))["spec"]
    [container] = spec["containers"]
    assert {"name": "secrets", "secret": {"secretName": "tokens", "defaultMode": 0o440}} in spec["volumes"]
    assert [row["name"] for row in container["env"]] == ["CONSUL_URL", "PATIENCE_SECONDS"]


def test_without_an_account_it_has_no_token_for_the_api_server(run):
    assert template(made(run))["spec"]["automountServiceAccountToken"] is False
    assert template(made(run, account="a"))["spec"]["serviceAccountName"] == "a"


def test_a_checksum_changes_with_a_secret_and_does_not_reveal_it(run):
    seen = []
    secret = "0f8b6d5c-0000-4000-8000-6d5c0f8b6d5c"

    def program():
        digest = checksum(Output.secret(secret))
        digest.apply(seen.append)
        Output.from_input(digest.is_secret()).apply(seen.append)
        checksum(Output.secret(secret + "0")).apply(seen.append)

    run(program)
    texts = [one for one in seen if isinstance(one, str)]
    assert len(set(texts)) == 2
    assert False in seen
    assert secret not in json.dumps(seen)


def test_a_pod_gets_a_token_for_the_api_server_only_when_asked():
    spec = pod_template({"name": "c"}, [], labels={}, account="backup")["spec"]
    assert spec["serviceAccountName"] == "backup"
    assert spec["automountServiceAccountToken"] is False
