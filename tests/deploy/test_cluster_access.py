"""A person's own access to a cluster, with stand-ins for az and kubelogin."""

import pytest

from deploy.cluster_access import add_context, context_commands
from deploy.stack_file import RefusedError

GROUP = "/subscriptions/1111/resourceGroups/prod-compute-1"
CLUSTER = {
    "type": "azure-native:containerservice:ManagedCluster",
    "id": f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/prod-cluster-2",
    "inputs": {},
}
PRIVATE = {"enablePrivateCluster": True, "enablePrivateClusterPublicFQDN": True}


def commands(tmp_path, access=None):
    cluster = CLUSTER | {"inputs": {"apiServerAccessProfile": access}}
    return context_commands("prod", [{"type": "x"}, cluster], tmp_path / "config")


def programs(tmp_path, monkeypatch, **scripts):
    """A PATH with these programs alone."""
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_cluster_is_named_by_subscription_group_and_name_and_logs_in_with_az(tmp_path, monkeypatch):
    script = f'echo "${{0##*/}} $*" >>{tmp_path}/log'
    programs(tmp_path, monkeypatch, az=script, kubelogin=script)
    add_context(commands(tmp_path))
    got, converted = (tmp_path / "log").read_text().splitlines()
    named = (
        "--subscription 1111 --resource-group prod-compute-1 --name prod-cluster-2 --context platform-prod"
    )
    assert got == f"az aks get-credentials {named} --file {tmp_path}/config --overwrite-existing"
    login = "--login azurecli --context platform-prod"
    assert converted == f"kubelogin convert-kubeconfig {login} --kubeconfig {tmp_path}/config"


@pytest.mark.parametrize(
    ("access", "public"), [(None, False), (PRIVATE, True), ({"enablePrivateCluster": True}, False)]
)
def test_a_private_cluster_is_addressed_by_its_public_name_if_it_has_one(tmp_path, access, public):
    found = commands(tmp_path, access)
    assert ("--public-fqdn" in found[0]) == public
    assert "--admin" not in found[0]


def test_a_missing_program_is_named_with_its_source_before_anything_is_written(tmp_path, monkeypatch):
    programs(tmp_path, monkeypatch, az=f"echo >{tmp_path}/config")
    with pytest.raises(RefusedError, match="kubelogin is not on PATH; install it: az aks install-cli"):
        add_context(commands(tmp_path))
    assert not (tmp_path / "config").exists()


def test_an_error_of_az_is_shown_without_a_traceback(tmp_path, monkeypatch):
    programs(tmp_path, monkeypatch, az="echo Please run az login >&2; exit 1", kubelogin="exit 0")
    with pytest.raises(RefusedError, match=r"az aks get-credentials failed: Please run az login") as refused:
        add_context(commands(tmp_path))
    assert refused.value.code == 1


def test_a_stack_without_a_cluster_says_that_it_is_not_deployed(tmp_path):
    with pytest.raises(RefusedError, match="prod has no cluster: it is not deployed"):
        context_commands("prod", [], tmp_path)
