"""Hosts: whole names, each its own."""

from components.config.messages import read
from components.ingress.settings import HostsSettings


def test_a_host_is_in_the_zone_and_one_may_be_the_zone_itself():
    names = HostsSettings().within("ci.example.org")
    assert names["concourse"] == "ci.example.org"
    assert names["grafana"] == "grafana.ci.example.org"


def test_two_hosts_with_one_name_are_told_both_times():
    _, problems = read(HostsSettings, {"grafana": "logs", "kibana": "logs"})
    assert [(p.key, p.text) for p in problems] == [
        ("grafana", "logs is also the host of kibana; set a different label for each"),
        ("kibana", "logs is also the host of grafana; set a different label for each"),
    ]


def test_a_label_with_a_dot_or_a_capital_is_no_label():
    for wrong in ("a.b", "Grafana", "-a", ""):
        _, problems = read(HostsSettings, {"grafana": wrong})
        assert "is neither a DNS label" in problems[0].text
