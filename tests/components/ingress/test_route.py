"""Public hosts: certificate, route and source ranges."""

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


def test_the_url_is_known_once_the_certificate_is_ready(run):
    kept = []
    certificate = made(run, kept=kept).one(CERTIFICATE).inputs
    assert certificate["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    assert certificate["spec"]["dnsNames"] == ["vault.ci.example.org"]
    assert certificate["spec"]["issuerRef"]["name"] == "letsencrypt"
    assert kept == ["https://vault.ci.example.org"]


def test_the_route_uses_the_certificate_and_the_service(run):
    recorder = made(run)
    route = recorder.one(f"{ROUTES}IngressRoute").inputs["spec"]
    assert route["tls"]["secretName"] == recorder.one(CERTIFICATE).inputs["spec"]["secretName"]
    assert route["entryPoints"] == ["websecure"], "web only redirects"
    [rule] = route["routes"]
    assert rule["match"] == "Host(`vault.ci.example.org`)"
    assert rule["services"] == [{"kind": "Service", "name": "vault", "port": 8200}]


def test_responses_have_hsts(run):
    assert middlewares(made(run))["vault-public-hsts"] == {"headers": {"stsSeconds": 31536000}}


def test_without_ranges_there_is_no_allow_list(run):
    assert set(middlewares(made(run))) == {"vault-public-hsts"}


def test_ranges_become_an_allow_list(run):
    recorder = made(run, ranges=("203.0.113.0/28",))
    limit = middlewares(recorder)["vault-public-sources"]
    assert limit == {"ipAllowList": {"sourceRange": ["203.0.113.0/28"]}}
    [rule] = routes(recorder)
    assert {"name": "vault-public-sources"} in rule["middlewares"]


def test_a_public_path_of_a_host_with_ranges_has_no_allow_list(run):
    recorder = made(run, ranges=("203.0.113.0/28",), public_paths=["/.well-known/openid-configuration"])
    closed, opened = routes(recorder)
    assert opened["match"] == "Host(`vault.ci.example.org`) && Path(`/.well-known/openid-configuration`)"
    assert opened["middlewares"] == [{"name": "vault-public-hsts"}]
    assert {"name": "vault-public-sources"} in closed["middlewares"]


def test_the_certificate_of_a_service_with_tls_is_verified(run):
    recorder = made(run, tls=Tls("vault-server-tls", "vault.vault.svc"))
    transport = recorder.one(f"{ROUTES}ServersTransport").inputs
    assert transport["spec"] == {"serverName": "vault.vault.svc", "rootCAs": [{"secret": "vault-server-tls"}]}
    [rule] = routes(recorder)
    assert rule["services"][0]["scheme"] == "https"
    assert rule["services"][0]["serversTransport"] == transport["metadata"]["name"]


@pytest.mark.parametrize("ranges", [(), ("203.0.113.0/28",)])
def test_all_objects_are_in_the_services_namespace(run, ranges):
    """References across namespaces have led to vulnerabilities repeatedly."""
    for resource in made(run, ranges=ranges, tls=Tls("ca", "vault")).resources:
        if resource.type.startswith("kubernetes:"):
            assert resource.inputs["metadata"]["namespace"] == "vault"
