"""Public hosts: a certificate that is waited for, and a route that lets in whom the stack lets in."""

import pytest
from pulumi import ComponentResource, Output

from components.ingress.route import Tls, publish
from components.kubernetes.context import Host

ROUTES = "kubernetes:traefik.io/v1alpha1:"
CERTIFICATE = "kubernetes:cert-manager.io/v1:Certificate"


def made(run, ranges=(), kept=None, **how):
    def program():
        host = Host("vault.ci.example.org", ranges, Output.from_input("letsencrypt"), Output.from_input("v1"))
        parent = ComponentResource("platform:index:Test", "test")
        url = publish("vault", host, namespace="vault", service="vault", port=8200, parent=parent, **how)
        url.apply((kept if kept is not None else []).append)

    return run(program)


def routes(recorder):
    return recorder.one(f"{ROUTES}IngressRoute").inputs["spec"]["routes"]


def middlewares(recorder):
    return {r.name: r.inputs["spec"] for r in recorder.of_type(f"{ROUTES}Middleware")}


def test_a_host_has_its_own_certificate_and_is_there_when_that_is(run):
    kept = []
    certificate = made(run, kept=kept).one(CERTIFICATE).inputs
    assert certificate["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    assert certificate["spec"]["dnsNames"] == ["vault.ci.example.org"]
    assert certificate["spec"]["issuerRef"]["name"] == "letsencrypt"
    assert kept == ["https://vault.ci.example.org"]


def test_the_route_shows_that_certificate_and_leads_to_the_service(run):
    recorder = made(run)
    route = recorder.one(f"{ROUTES}IngressRoute").inputs["spec"]
    assert route["tls"]["secretName"] == recorder.one(CERTIFICATE).inputs["spec"]["secretName"]
    assert route["entryPoints"] == ["websecure"], "web only redirects"
    [rule] = route["routes"]
    assert rule["match"] == "Host(`vault.ci.example.org`)"
    assert rule["services"] == [{"kind": "Service", "name": "vault", "port": 8200}]


def test_browsers_are_told_to_come_by_tls_alone(run):
    assert middlewares(made(run))["vault-public-hsts"] == {"headers": {"stsSeconds": 31536000}}


def test_without_ranges_everybody_gets_in(run):
    assert set(middlewares(made(run))) == {"vault-public-hsts"}


def test_with_ranges_only_these_do(run):
    recorder = made(run, ranges=("203.0.113.0/28",))
    limit = middlewares(recorder)["vault-public-sources"]
    assert limit == {"ipAllowList": {"sourceRange": ["203.0.113.0/28"]}}
    [rule] = routes(recorder)
    assert {"name": "vault-public-sources"} in rule["middlewares"]


def test_an_open_path_of_a_closed_host_is_for_everybody_and_for_nothing_else(run):
    recorder = made(run, ranges=("203.0.113.0/28",), public_paths=["/.well-known/openid-configuration"])
    closed, opened = routes(recorder)
    assert opened["match"] == "Host(`vault.ci.example.org`) && Path(`/.well-known/openid-configuration`)"
    assert opened["middlewares"] == [{"name": "vault-public-hsts"}]
    assert {"name": "vault-public-sources"} in closed["middlewares"]


def test_of_a_service_with_tls_the_certificate_is_verified(run):
    recorder = made(run, tls=Tls("vault-server-tls", "vault.vault.svc"))
    transport = recorder.one(f"{ROUTES}ServersTransport").inputs
    assert transport["spec"] == {"serverName": "vault.vault.svc", "rootCAs": [{"secret": "vault-server-tls"}]}
    [rule] = routes(recorder)
    assert rule["services"][0]["scheme"] == "https"
    assert rule["services"][0]["serversTransport"] == transport["metadata"]["name"]


@pytest.mark.parametrize("ranges", [(), ("203.0.113.0/28",)])
def test_everything_is_in_the_services_own_namespace(run, ranges):
    """What an ingress may take from other namespaces was a hole more than once."""
    for resource in made(run, ranges=ranges, tls=Tls("ca", "vault")).resources:
        if resource.type.startswith("kubernetes:"):
            assert resource.inputs["metadata"]["namespace"] == "vault"
