"""Our own certificate authority: by it the platform's servers know each other inside the cluster."""

from collections.abc import Iterable

import pulumi_kubernetes as k8s
import pulumi_tls as tls
from pulumi import Input, Output, Resource, ResourceOptions

from components.component import Component
from components.kubernetes.context import CaTrust
from components.kubernetes.custom_resource import custom_resource

CERT_MANAGER = "cert-manager.io/v1"
YEAR = 365 * 24
LIFE = 20 * YEAR
EARLY = 5 * YEAR
"""Hours before the end at which every preview shows the CA's certificate replaced, until an update does it.
It keeps its key and name, so that what it signed stays valid, and both old and new trust each other."""
LEAF = 90
"""Days. When half of them are over cert-manager signs anew, by itself."""


class InternalCA(Component):
    """A CA whose key is in Pulumi's state and in one Secret, and nowhere else."""

    trust: CaTrust
    expires_at: Output[str]
    """The last moment of the CA's certificate, unless an update renews it before."""

    def __init__(self, name: str, *, cert_manager: Input[str], opts: ResourceOptions | None = None) -> None:
        """`cert_manager` is its namespace, known once it runs."""
        super().__init__(name, opts)
        key = tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve="P256", opts=self.child)
        root = tls.SelfSignedCert(
            name,
            private_key_pem=key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name="Platform internal CA"),
            is_ca_certificate=True,
            set_subject_key_id=True,  # the same with each certificate of the key
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=LIFE,
            early_renewal_hours=EARLY,
            opts=self.child,
        )
        secret = k8s.core.v1.Secret(
            name,
            # Beside cert-manager itself: nobody else may read it.
            metadata={"name": "platform-internal-ca", "namespace": cert_manager},
            type="kubernetes.io/tls",
            string_data={"tls.crt": root.cert_pem, "tls.key": key.private_key_pem},
            opts=self.child,
        )
        issuer = custom_resource(
            name,
            "ClusterIssuer",
            called="platform-internal",
            api_version=CERT_MANAGER,
            spec={"ca": {"secretName": secret.metadata.name}},
            parent=self,
            ready_within=10,
        )
        self.expires_at = root.validity_end_time.apply(str)
        self.trust = CaTrust(issuer, Output.unsecret(root.cert_pem))
        self.register_outputs({"issuer": self.trust.issuer, "caPem": self.trust.ca_pem})


def server_certificate(  # noqa: PLR0913 (named, and each an input)
    name: str,
    trust: CaTrust,
    *,
    namespace: Input[str],
    hosts: Iterable[str],
    parent: Resource,
    days: int = LEAF,
) -> Output[str]:
    """Name of a Secret with `tls.crt`, `tls.key` and `ca.crt`, known once it is there.

    It changes when half of its days are over: whoever mounts it has to read it again.
    """
    return custom_resource(
        name,
        "Certificate",
        api_version=CERT_MANAGER,
        namespace=namespace,
        spec={
            "secretName": name,
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": trust.issuer},
            "dnsNames": list(hosts),
            "ipAddresses": ["127.0.0.1"],  # a server's own probes and command line
            "usages": ["digital signature", "server auth", "client auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "duration": f"{days * 24}h",
            "renewBefore": f"{days * 12}h",
        },
        parent=parent,
        ready_within=10,
    )


def ca_bundle(name: str, trust: CaTrust, *, namespace: Input[str], parent: Resource) -> Output[str]:
    """Name of a ConfigMap with the CA's certificate as `ca.crt`, for clients in a namespace."""
    made = k8s.core.v1.ConfigMap(
        name,
        metadata={"name": name, "namespace": namespace},
        data={"ca.crt": trust.ca_pem},
        opts=ResourceOptions(parent=parent),
    )
    called: Output[str] = made.metadata.name
    return called
