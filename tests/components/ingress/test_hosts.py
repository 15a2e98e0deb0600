"""Host names: fully qualified and distinct."""

from components.config.messages import read
from components.ingress.settings import HostsSettings


def test_hosts_are_in_the_zone_or_the_zone_itself():
    names = HostsSettings().within("ci.example.org")
    assert names["concourse"] == "ci.example.org"
    assert names["grafana"] == "grafana.ci.example.org"


def test_equal_labels_are_reported_for_both_hosts():
    _, problems = read(HostsSettings, {"grafana": "logs", "kibana": "logs"})
    assert [(p.key, p.text) for p in problems] == [
        ("grafana", "logs is also the host of kibana; set a different label for each"),
        ("kibana", "logs is also the host of grafana; set a different label for each"),
    ]


def test_labels_with_dots_or_capitals_are_refused():
    for wrong in ("a.b", "Grafana", "-a", ""):
        _, problems = read(HostsSettings, {"grafana": wrong})
        assert "is neither a DNS label" in problems[0].text
