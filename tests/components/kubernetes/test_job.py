"""Jobs that run our scripts: closed, run once for each change, and with no secret in sight."""

import json

from pulumi import ComponentResource, Output

from components.kubernetes.job import checksum, python_job
from tests.support.job_scripts import script_file

JOB = "kubernetes:batch/v1:Job"


def made(run, **changes):
    def program():
        how = {
            "namespace": "consul",
            "script": script_file("influxdb.py"),
            "environment": {"CONSUL_URL": "https://consul"},
            "secrets": "tokens",
            "stamp": "stamp",
            "ca": "ca",
        }
        python_job("acl", parent=ComponentResource("platform:index:T", "t"), **(how | changes))

    return run(program)


def template(recorder):
    return recorder.one(JOB).inputs["spec"]["template"]


def test_it_may_do_what_the_strictest_level_allows(run):
    spec = template(made(run))["spec"]
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_one_that_failed_is_run_again_by_the_next_update(run):
    annotations = made(run).one(JOB).inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/replaceUnready"] == "true"


def test_it_ends_and_is_not_deleted_by_time(run):
    """A refresh would find it gone, and the next update would run it again."""
    spec = made(run).one(JOB).inputs["spec"]
    assert spec["activeDeadlineSeconds"] == 900
    assert "ttlSecondsAfterFinished" not in spec


def test_a_refusal_is_not_tried_again(run):
    [rule] = made(run).one(JOB).inputs["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "FailJob"
    assert rule["onExitCodes"] == {"containerName": "script", "operator": "In", "values": [42]}


def test_a_changed_script_runs(run):
    first = template(made(run))["metadata"]["annotations"]["platform/scripts"]
    other = template(made(run, extra_files={"policy.hcl": "path"}))["metadata"]["annotations"][
        "platform/scripts"
    ]
    assert first != other


def test_secrets_come_as_files_and_are_no_arguments_or_environment(run):
    spec = template(made(run))["spec"]
    [container] = spec["containers"]
    assert {"name": "secrets", "secret": {"secretName": "tokens", "defaultMode": 0o440}} in spec["volumes"]
    assert [row["name"] for row in container["env"]] == ["CONSUL_URL"]


def test_without_an_account_it_has_no_token_of_the_cluster(run):
    assert template(made(run))["spec"]["automountServiceAccountToken"] is False
    assert template(made(run, account="a"))["spec"]["serviceAccountName"] == "a"


def test_a_stamp_tells_that_a_secret_changed_and_not_which_it_is(run):
    kept = []
    secret = "0f8b6d5c-0000-4000-8000-6d5c0f8b6d5c"

    def program():
        stamp = checksum(Output.secret(secret))
        stamp.apply(kept.append)
        Output.from_input(stamp.is_secret()).apply(kept.append)
        checksum(Output.secret(secret + "0")).apply(kept.append)

    run(program)
    texts = [one for one in kept if isinstance(one, str)]
    assert len(set(texts)) == 2
    assert False in kept
    assert secret not in json.dumps(kept)
