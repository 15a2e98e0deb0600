"""Fixtures: servers that run for the session, on loopback."""

from collections.abc import Callable, Iterator

import pytest

from tests.conformance import cluster
from tests.conformance.servers import ApiServer, Postgres, Seal, VaultServer, api_server, postgres, seal
from tests.conformance.servers import vault_server as running_vault


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory) -> Iterator[ApiServer]:
    """A cluster's API server and its store, without any controller."""
    with api_server(tmp_path_factory.mktemp("apiserver")) as server:
        yield server


@pytest.fixture(scope="session")
def kube(apiserver) -> Callable:
    """Ask the API server: `kube("GET", "/api/v1/namespaces")`."""
    return apiserver.call


@pytest.fixture(scope="session")
def transit(tmp_path_factory) -> Iterator[Seal]:
    """A Vault that seals others, in place of Key Vault."""
    with seal(tmp_path_factory.mktemp("transit")) as server:
        yield server


@pytest.fixture
def vault_server(tmp_path, transit) -> Iterator[VaultServer]:
    """A Vault that was just installed: empty, and sealed by `transit`."""
    with running_vault(tmp_path, transit) as server:
        yield server


@pytest.fixture(scope="session")
def database_server() -> Iterator[Postgres]:
    """A PostgreSQL server that takes nothing but TLS."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def judge(apiserver):
    judge = cluster.Judge(apiserver)
    judge.learn()
    return judge


@pytest.fixture(scope="session")
def rendered(tmp_path_factory, run_stack):
    """What a stack sends to its cluster."""
    made = {}

    def stack(name):
        if name not in made:
            made[name] = cluster.render(run_stack(name), tmp_path_factory.mktemp(name))
        return made[name]

    return stack


@pytest.fixture(scope="session")
def installed(judge, rendered):
    """A stack, its namespaces and kinds in the API server: what Helm makes of each release."""
    made = {}

    def stack(name):
        if name not in made:
            made[name] = install(rendered(name))
        return made[name]

    def install(stack):
        for manifest in stack.manifests:
            if manifest["kind"] in ("Namespace", "PriorityClass"):
                assert not (said := judge.apply(manifest)), said
        charts = {release: cluster.package(release) for release in stack.releases}
        for release, chart in charts.items():
            if chart:
                first = cluster.template(release, chart, *judge.capabilities())
                judge.install([item for item in first if item["kind"] == "CustomResourceDefinition"])
        capable = judge.capabilities()
        return {
            release.name: [
                judge.placed(item, release.namespace) for item in cluster.template(release, chart, *capable)
            ]
            if chart
            else None
            for release, chart in charts.items()
        }

    return stack
