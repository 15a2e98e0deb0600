"""Concourse's workers, which run the builds, with one release per worker pool."""

import pulumi_kubernetes as k8s
from pulumi import Input, ResourceOptions

from components.azure.aks.pool_settings import WorkerPool
from components.component import Component
from components.concourse.keys import KeyPair
from components.concourse.web_secret import checksummed_secret
from components.concourse.worker_settings import WorkerSettings
from components.concourse.worker_values import values
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
        host_key: Input[str],
        key: KeyPair,
        opts: ResourceOptions | None = None,
    ) -> None:
        """`host_key` is the web nodes' public key, `key` the pool's own key pair."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["concourse-workers"]
        called = f"{pool.name}-worker"  # the name that the chart gives to all objects of the release `<pool>`
        checksum = checksummed_secret(
            called,
            {"worker-key": key.private, "host-key-pub": host_key},
            namespace=namespace,
            opts=self.child,
        )
        account = k8s.core.v1.ServiceAccount(
            called,
            metadata={"name": called, "namespace": namespace},
            automount_service_account_token=False,
            opts=self.child,
        )
        release(
            pool.name,
            ctx.charts["concourse"],
            namespace=namespace,
            values=values(
                settings,
                pool,
                account=account.metadata.name,
                gateway=gateway,
                checksum=checksum,
                scratch=ctx.disks.scratch,
            ),
            skip_await=True,  # workers restart one by one and finish their builds first, which takes hours
            opts=self.child,
        )
        self.register_outputs({})
