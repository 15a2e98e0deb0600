"""Certificates that browsers trust: Let's Encrypt's issuers."""

from typing import Any

from pulumi import Output, ResourceOptions

from components.azure.catalog import arm_segment
from components.certificates.internal_ca import CERT_MANAGER
from components.certificates.settings import CertificatesSettings
from components.component import Component
from components.kubernetes.custom_resource import custom_resource

SERVERS = {
    "production": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}


def solver(kind: str, *, zone: Output[str], client_id: Output[str], ingress: Output[str]) -> dict[str, Any]:
    """How a name is proven, as an issuer has it. `zone` is the id of the zone."""
    if kind == "http01":
        return {"http01": {"ingress": {"class": ingress}}}
    return {
        "dns01": {
            "azureDNS": {
                "subscriptionID": zone.apply(lambda id_: arm_segment(id_, "subscriptions")),
                "resourceGroupName": zone.apply(lambda id_: arm_segment(id_, "resourceGroups")),
                "hostedZoneName": zone.apply(lambda id_: arm_segment(id_, "dnsZones")),
                "environment": "AzurePublicCloud",
                "managedIdentity": {"clientID": client_id},
            }
        }
    }


class AcmeIssuers(Component):
    """Let's Encrypt's issuers, production's and staging's."""

    chosen: Output[str]
    """Name of the one that the stack's hosts have their certificates from; known once it works."""

    def __init__(  # noqa: PLR0913 (named, and each an input)
        self,
        name: str,
        settings: CertificatesSettings,
        *,
        cert_manager: Output[str],
        zone: Output[str],
        client_id: Output[str],
        ingress: Output[str],
        opts: ResourceOptions | None = None,
    ) -> None:
        """`zone` is the id of the zone, `client_id` who may write in it, `cert_manager` its namespace.

        `ingress` is the class that answers for http01, known once names lead to it.
        """
        super().__init__(name, opts)
        proof = solver(settings.solver, zone=zone, client_id=client_id, ingress=ingress)
        made: dict[str, Output[str]] = {
            kind: custom_resource(
                f"letsencrypt-{kind}",
                "ClusterIssuer",
                api_version=CERT_MANAGER,
                called=Output.all(kind, cert_manager).apply(lambda both: f"letsencrypt-{both[0]}"),
                spec={
                    "acme": {
                        "server": server,
                        "email": settings.email,
                        "privateKeySecretRef": {"name": f"letsencrypt-{kind}-account"},
                        "solvers": [proof],
                    }
                },
                parent=self,
                ready_within=10,
            )
            for kind, server in SERVERS.items()
        }
        self.chosen = made[settings.issuer]
        self.register_outputs({"chosen": self.chosen})
