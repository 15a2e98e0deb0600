"""What a new stack is, in a few lines: what a reviewer looks for before the list of resources."""

from collections.abc import Iterator

from components.settings import Settings


def about(settings: Settings) -> Iterator[tuple[str, str]]:
    """(What, value) of a stack."""
    network = settings.network
    yield "subscription", settings.azure.subscription_id
    yield "region", settings.azure.location
    yield "zone", settings.dns.name
    yield "network", network.existing.network if network.existing else f"{network.address_space}, its own"
    yield "Kubernetes", settings.cluster.kubernetes_version
    pools = ", ".join(
        f"{pool.name} {pool.min_nodes}-{pool.max_nodes} x {pool.vm_size}"
        for pool in settings.cluster.worker_pools
    )
    yield "workers", pools
    yield "database", settings.database.existing.host if settings.database.existing else settings.database.sku
    yield "left out", ", ".join(sorted(settings.left_out)) or "nothing"
    yield (
        "teams",
        ", ".join(team.name for team in settings.teams[:10])
        + (
            f" and {len(settings.teams) - 10} more" if len(settings.teams) > 10 else ""  # noqa: PLR2004
        ),
    )
    yield "protected", "yes" if settings.protected else "no: a deletion or a replacement loses data"
