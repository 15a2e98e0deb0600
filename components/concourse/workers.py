"""Concourse's workers, which run the builds: a release for each worker pool."""

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
    """The workers of one pool of nodes, one on each."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
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
        """`host_key` is web's, `key` the pool's own; `scratch` is the class of the workers' disks."""
        super().__init__(name, opts)
        namespace = ctx.namespaces["concourse-workers"]
        called = f"{pool.name}-worker"  # the chart's name of all that a release `<pool>` has
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
            skip_await=True,  # one after another finishes its builds first, which takes hours
            opts=self.child,
        )
        self.register_outputs({})
