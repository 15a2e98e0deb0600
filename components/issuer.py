"""Who signs the tokens of a cluster's service accounts."""

import pulumi_azure_native as az
from pulumi import InvokeOptions, Output, Resource

from components.azure import part


def issuer_of(cluster: Output[str], parent: Resource) -> Output[str]:
    """The issuer of the cluster of an id, with its last slash: Entra compares it whole.

    Asked of Azure by the names in the id, as the kubeconfig is: the cluster's outputs are not known
    in the preview of an update, where every identity in the cluster would show as changed.
    """
    given = az.containerservice.get_managed_cluster_output(
        resource_group_name=cluster.apply(lambda id_: part(id_, "resourceGroups")),
        resource_name=cluster.apply(lambda id_: part(id_, "managedClusters")),
        opts=InvokeOptions(parent=parent),  # and with it the provider
    )
    return given.apply(
        lambda found: found.oidc_issuer_profile.issuer_url if found.oidc_issuer_profile else ""
    )
