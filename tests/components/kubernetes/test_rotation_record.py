"""Steps of rotations that the program refuses, from what is in use."""

import pytest
from pulumi import ResourceHookArgs

from components.kubernetes.rotation_record import refuse, skipped

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def told(key, done, wanted):
    return [f"{problem.key}: {problem.text}" for problem in skipped({key: done}, {key: wanted})]


@pytest.mark.parametrize("key", ["vault.consul", "vault.operator"])
@pytest.mark.parametrize(
    ("done", "wanted"),
    [
        ("2026-11", "2026-11"),
        ("2026-11", "2026-12 2026-11"),
        ("2026-12 2026-11", "2026-12"),
        ("2026-12", "2027-01 2026-12"),
        ("2026-12 2026-11", "2027-01 2026-12"),
        ("2026-12 2026-11", "2026-11"),
    ],
)
def test_one_step_after_another_is_accepted(key, done, wanted):
    assert told(key, done, wanted) == []


@pytest.mark.parametrize(
    ("done", "wanted", "text"),
    [
        (
            "2026-11",
            "2027-01 2026-12",
            "vault.consul.previous: 2026-12 is not in use, 2026-11 is; set 2026-11, then rotate again",
        ),
        (
            "2026-12",
            "2026-12 2026-11",
            "vault.consul.previous: 2026-11 is not valid any more; remove it",
        ),
    ],
)
def test_a_previous_month_that_is_not_in_use_is_refused(done, wanted, text):
    """Its credential would be a new one, and the one that is in use would end at once."""
    assert told("vault.consul", done, wanted) == [text]


def test_a_leaked_credential_may_end_at_once_unless_only_it_creates_the_new_one():
    assert told("vault.consul", "2026-11", "2026-12") == []
    assert told("vault.operator", "2026-11", "2026-12") == [
        "vault.operator.previous: missing, and only the login of 2026-11 creates that of 2026-12; set 2026-11"
    ]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("2026-11 2027-05", "rows may still be encrypted with the key of 2026-11; set rotating: true"),
        ("2026-11 2027-05 2027-11 rotating", "all rows are encrypted with the key of 2026-11; add one epoch"),
        ("2027-05 rotating", "2026-11 is missing, and all rows are encrypted with its key; add it again"),
    ],
)
def test_a_skipped_step_of_the_encryption_key_is_refused(wanted, text):
    [problem] = told("concourse.encryption", "2026-11", wanted)
    assert problem.startswith(f"concourse.encryption.epochs: {text}")


def test_the_hook_reads_the_config_map_and_names_every_skipped_step():
    def hook(old, new):
        refuse(ResourceHookArgs("urn", "", "rotations", CONFIG_MAP, new_inputs=new, old_inputs=old))

    old = {"data": {"vault.consul": "2026-11", "concourse.encryption": "2026-11"}}
    hook(old, {"data": {"vault.consul": "2026-12 2026-11", "concourse.keys": "2026-11"}})
    with pytest.raises(ValueError, match=r"encryption.epochs: .*; vault.consul.previous: "):
        hook(old, {"data": {"vault.consul": "2027-02 2027-01", "concourse.encryption": "2026-11 2027-05"}})


def test_the_record_is_written_after_the_web_nodes_are_ready_and_has_every_rotation(run_stack):
    recorder = run_stack("prod")
    record = recorder.named(CONFIG_MAP)["rotations"]
    assert recorder.named("kubernetes:helm.sh/v3:Release")["concourse"].urn in record.options["dependencies"]
    assert record.inputs["data"] == dict.fromkeys(
        ("concourse.encryption", "concourse.keys", "vault.appRoles", "vault.consul", "vault.operator"),
        "2026-11",
    )
