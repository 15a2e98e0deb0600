"""ClusterIssuers of Let's Encrypt, for the certificates of public hosts."""

from pulumi import Output, ResourceOptions

from components.certificates.settings import CertificatesSettings
from components.certificates.values import API_VERSION, solver
from components.component import Component, after
from components.kubernetes.custom_resource import custom_resource

SERVERS = {
    "production": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}


class AcmeIssuers(Component):
    """Let's Encrypt's issuers: production and staging."""

    chosen: Output[str]
    """Name of the issuer for the stack's hosts; known once it is ready."""

    def __init__(
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
        """`zone` is the ID of the DNS zone, `client_id` an identity that may write records in it.

        `cert_manager` is cert-manager's namespace, known once its CRDs exist. `ingress` is the ingress class
        for http01, known once the hosts' DNS records point to the ingress.
        """
        super().__init__(name, opts)
        acme_solver = solver(settings.solver, zone=zone, client_id=client_id, ingress=ingress)
        issuers: dict[str, Output[str]] = {
            environment: custom_resource(
                f"letsencrypt-{environment}",
                "ClusterIssuer",
                api_version=API_VERSION,
                resource_name=after(f"letsencrypt-{environment}", cert_manager),
                spec={
                    "acme": {
                        "server": server,
                        "email": settings.email,
                        "privateKeySecretRef": {"name": f"letsencrypt-{environment}-account"},
                        "solvers": [acme_solver],
                    }
                },
                parent=self,
                ready_within=10,
            )
            for environment, server in SERVERS.items()
        }
        self.chosen = issuers[settings.issuer]
        self.register_outputs({"chosen": self.chosen})
