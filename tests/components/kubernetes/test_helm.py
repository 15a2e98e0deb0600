"""Helm releases: names and reset values."""

from pulumi import ComponentResource, ResourceOptions

from components.kubernetes.charts import CHARTS
from components.kubernetes.helm import release


def test_a_release_has_its_name_and_drops_removed_values(run):
    def program():
        parent = ComponentResource("platform:index:Test", "test")
        release(
            "consul",
            CHARTS["consul"],
            namespace="consul",
            values={"server": {"resources": {"limits": {"cpu": None}}}},
            opts=ResourceOptions(parent=parent),
        )

    made = run(program).one("kubernetes:helm.sh/v3:Release").inputs
    assert made["name"] == "consul", "or else it gets a random one"
    assert made["resetValues"] is True
    assert "allowNullValues" not in made, "the provider keeps nulls by itself, and warns of it in every run"
    assert "createNamespace" not in made
