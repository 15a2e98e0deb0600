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
