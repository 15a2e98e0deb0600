"""A Secret that pods read into their environment: with a new content the pods are made anew.

Kubernetes changes files of a Secret in running pods, and never variables (kubernetes.io/docs/concepts/
configuration/secret: "container environment variables are not updated until the pod restarts").
"""

import json
import runpy

import pytest
from pulumi.runtime import test as finished
from pulumi.runtime.config import set_all_config

from tests.support import recorder
from tests.support.recorder import RELEASE, ROOT, encoded, recording, revealed, stack_config

STACK = "prod"
PASSWORD = "random:index/randomPassword:RandomPassword"
NO_RESTART = {
    "consul": "the management token, which nothing but a new Consul uses",
    "elasticsearch": "its operator watches them, and Elasticsearch reads a changed file of users",
    "influxdb2": "the administrator, whom InfluxDB reads while its disk is empty",
}
"""Releases whose pods need no restart for a new content of the Secrets in their values."""


@pytest.fixture
def both(run_stack, monkeypatch):
    """The stack with the passwords that it has, and with others."""
    before = run_stack(STACK)
    other = {PASSWORD: lambda args: {"result": recorder.secret(f"another-{args.name}"), "bcryptHash": "$2a$"}}
    monkeypatch.setattr(recorder, "ANSWERS", recorder.ANSWERS | other)
    after = recording(STACK)
    set_all_config(encoded(stack_config(STACK)), [])
    finished(lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__") and None)()
    return before, after


def changed(both, token, content):
    """Objects of a type by name, with what `content` takes of each before and after, where that differs."""
    before, after = (
        {
            resource.name: json.dumps(content(resource.inputs), sort_keys=True)
            for resource in each.of_type(token)
        }
        for each in both
    )
    return {name for name in after if before[name] != after[name]}


def texts(value):
    """Every text in a release's values that is no key."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_the_pods_that_read_a_new_secret_at_their_start_are_made_anew(both):
    secrets = changed(both, "kubernetes:core/v1:Secret", lambda given: revealed(given.get("stringData")))
    rolled = changed(both, RELEASE, lambda given: revealed(given["values"]))
    names = {
        each.name: each.inputs["metadata"]["name"] for each in both[1].of_type("kubernetes:core/v1:Secret")
    }
    stale = {}
    for release in both[1].of_type(RELEASE):
        read = {names[name] for name in secrets} & set(texts(revealed(release.inputs["values"])))
        if read and release.name not in rolled and release.name not in NO_RESTART:
            stale[release.name] = read
    assert len(secrets) > len(NO_RESTART), "the passwords are others"
    assert not stale
