"""What a killed run leaves behind: cancel, recover."""

from typing import TYPE_CHECKING, Annotated

import typer

from deploy.commands.options import Home, Locks, Rehearse, Stack

if TYPE_CHECKING:
    from deploy.recover import Releases

Mend = Annotated[bool, typer.Option("--mend", help="repair it; without this option it is only shown")]


def cancel(stack: Stack, *, rehearse: Rehearse = False, lock: Locks = None, home: Home = None) -> None:
    """Remove the lock of a dead update. Refuses while the update may be alive, and stops none."""
    from deploy.stack import open_stack

    with open_stack(stack, rehearse=rehearse, writing=True, quiet=True, home=home) as here:
        held = here.locks()
        if held:
            here.unlock(lock or ())
    print(f"{stack} is no longer locked" if held else f"nothing locks {stack}")


def recover(
    stack: Stack, *, rehearse: Rehearse = False, mend: Mend = False, lock: Locks = None, home: Home = None
) -> None:
    """Show what a killed run left behind. That is its lock, pending creates and stuck Helm releases."""
    from deploy.recover import KubernetesCluster, resource_id
    from deploy.stack import open_stack, rehearsal_home, simulated_cluster
    from deploy.stack_file import settings
    from deploy.writer import exclusive

    chosen, cluster = settings(stack), None
    if rehearse:
        place = home or rehearsal_home(stack)
        with exclusive(place):  # before the simulated clouds read their files
            cluster = simulated_cluster(place)
            stuck = stuck_releases(cluster, mend=mend)
    with open_stack(stack, rehearse=rehearse, writing=True, quiet=True, home=home) as here:
        locks = here.locks()
        for each in locks:
            print(f"lock {each.id}: {each}")
        if mend:  # first: refuses while another run may be alive
            here.unlock(lock or ())
        if cluster is None:
            cluster = KubernetesCluster(here.resources())
            stuck = stuck_releases(cluster, mend=mend)
        ids: dict[str, str] = {}
        pending = here.pending_creates()
        for created in pending:
            azure_dns = "::azure-dns::" in created.get("provider", "")
            subscription = chosen.dns.parent_subscription if azure_dns else chosen.azure.subscription_id
            id_ = resource_id(created, subscription) or cluster.find(created)
            ids |= {created["urn"]: id_} if id_ else {}
            print(f"pending create: {created['urn']}, {id_ or 'which the next update creates anew'}")
        if mend:
            here.import_pending(ids)
    if not (stuck or locks or pending):
        print(f"{stack}: nothing to recover")
    else:
        print(f"{stack}: recovered; run `up` again" if mend else f"{stack}: `--mend` repairs it")


def stuck_releases(cluster: "Releases", *, mend: bool) -> bool:
    """Print the releases that Helm holds as pending, and mark them as failed; whether there are any."""
    stuck = list(cluster.stuck())
    for name, record in stuck:
        print(f"stuck release: {name}")
        if mend:
            cluster.mark_failed(record)
    return bool(stuck)
