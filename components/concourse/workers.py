"""Concourse's workers, which run the builds, with one release per worker pool."""

from pulumi import Input, ResourceOptions

from components.azure.aks.pool_settings import WorkerPool
from components.component import Component, after
from components.concourse.keys import KeyPair
from components.concourse.web_secret import checksummed_secret
from components.concourse.worker_settings import WorkerSettings
from components.concourse.worker_values import values
from components.kubernetes.accounts import service_account
from components.kubernetes.context import ClusterContext
from components.kubernetes.helm import release


class Workers(Component):
    """The workers of one node pool, one per node."""

    def __init__(
        self,
        name: str,
        settings: WorkerSettings,
        pool: WorkerPool,
        ctx: ClusterContext,
        *,
        gateway: Input[str],
        host_keys: Input[str],
        key: KeyPair,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`host_keys` are the web nodes' public keys, `key` is the pool's own key pair."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["concourse-workers"]
        # The chart gives this name to all objects of the release `<pool>`.
        object_name = f"{pool.name}-worker"
        release(
            pool.name,
            ctx.charts["concourse"],
            namespace=namespace,
            values=values(
                settings,
                pool,
                account=service_account(object_name, namespace=namespace, parent=self),
                gateway=gateway,
                secret_checksum=checksummed_secret(
                    object_name,
                    # After the web nodes accept the key: a worker that restarts uses it at once.
                    {"worker-key": after(key.private, gateway), "host-key-pub": host_keys},
                    namespace=namespace,
                    parent=self,
                ),
                scratch=ctx.disks.scratch,
            ),
            skip_await=True,  # workers restart one by one and finish their builds first, which takes hours
            opts=self.child,
        )
        self.register_outputs({})
