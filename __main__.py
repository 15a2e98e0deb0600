"""The platform, top to bottom."""

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as kubernetes

from components.cluster import Cluster
from components.database import Database
from components.groups import Groups
from components.network import Network
from components.settings import Settings, SettingsError, azure_tags

config = pulumi.Config()
stack = pulumi.get_stack()
try:
    settings = Settings.load(config)
except SettingsError as problems:
    raise pulumi.RunError(str(problems)) from None  # without a traceback

cloud = azure.Provider(
    "azure",
    subscription_id=settings.azure.subscription_id,
    tenant_id=settings.azure.tenant_id,
    location=settings.azure.location,
)
on_azure = pulumi.ResourceOptions(providers=[cloud])

groups = Groups(
    "groups",
    location=settings.azure.location,
    tags=azure_tags(settings.tags, stack),
    protected=settings.protected,
    opts=on_azure,
)
network = Network(
    "network",
    settings.network,
    compute=groups.compute,
    stateful=groups.stateful,
    opts=on_azure,
)
cluster = Cluster(
    "cluster",
    settings.cluster,
    place=groups.compute,
    subnet=network.nodes,
    egress=network.egress,
    tenant=settings.azure.tenant_id,
    opts=on_azure,
)
database = Database(
    "database",
    settings.database,
    database=settings.database.name or f"concourse-{stack}",
    place=groups.stateful,
    subnet=network.database,
    zone=network.database_zone,
    clients=network.egress.addresses,
    opts=on_azure,
)

on_kubernetes = pulumi.ResourceOptions(
    providers=[
        kubernetes.Provider(
            "kubernetes",
            kubeconfig=cluster.kubeconfig,
            # By this the provider tells one cluster from another; without it, by a kubeconfig that
            # not every preview knows. A change here replaces everything in the cluster.
            cluster_identifier=f"{pulumi.get_project()}-{stack}",
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
        )
    ]
)

pulumi.export("cluster", cluster.name)
pulumi.export("oidc_issuer", cluster.oidc_issuer)
pulumi.export("database_host", database.host)
pulumi.export("database_name", database.name)
pulumi.export("egress_addresses", pulumi.Output.all(*network.egress.addresses))
