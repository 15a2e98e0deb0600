"""The internal CA, for TLS between servers inside the cluster."""

from collections.abc import Iterable

import pulumi_kubernetes as k8s
import pulumi_tls as tls
from pulumi import Input, Output, Resource, ResourceOptions

from components.certificates.values import API_VERSION
from components.component import Component
from components.kubernetes.context import CaTrust
from components.kubernetes.custom_resource import custom_resource

YEAR = 365 * 24
VALIDITY = 20 * YEAR
EARLY_RENEWAL = 5 * YEAR
"""Hours before expiry. From then on previews show the CA's certificate as replaced, until an update does it.
Key and name stay the same, so old and new CA certificate both verify all server certificates."""
LEAF_DAYS = 90
"""Validity of a server certificate. cert-manager renews it after half of that."""


class InternalCA(Component):
    """A CA whose key is only in Pulumi's state and in one Secret."""

    trust: CaTrust
    expires_at: Output[str]
    """Expiry of the CA's certificate, as RFC 3339. An update within the last five years renews it."""

    def __init__(self, name: str, *, cert_manager: Input[str], opts: ResourceOptions | None = None) -> None:
        """`cert_manager` is cert-manager's namespace, known once its CRDs exist."""
        super().__init__(name, opts)
        key = tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve="P256", opts=self.child)
        root = tls.SelfSignedCert(
            name,
            private_key_pem=key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name="Platform internal CA"),
            is_ca_certificate=True,
            set_subject_key_id=True,  # derived from the key, so a renewal keeps it
            allowed_uses=["cert_signing", "crl_signing"],
            validity_period_hours=VALIDITY,
            early_renewal_hours=EARLY_RENEWAL,
            opts=self.child,
        )
        secret = k8s.core.v1.Secret(
            name,
            # cert-manager's namespace: no other pod may read it there.
            metadata={"name": "platform-internal-ca", "namespace": cert_manager},
            type="kubernetes.io/tls",
            string_data={"tls.crt": root.cert_pem, "tls.key": key.private_key_pem},
            opts=self.child,
        )
        issuer = custom_resource(
            name,
            "ClusterIssuer",
            resource_name="platform-internal",
            api_version=API_VERSION,
            spec={"ca": {"secretName": secret.metadata.name}},
            parent=self,
            ready_within=10,
        )
        self.expires_at = root.validity_end_time.apply(str)
        self.trust = CaTrust(issuer, Output.unsecret(root.cert_pem))
        self.register_outputs({"issuer": self.trust.issuer, "caPem": self.trust.ca_pem})


def server_certificate(
    name: str,
    trust: CaTrust,
    *,
    namespace: Input[str],
    hosts: Iterable[str],
    parent: Resource,
    days: int = LEAF_DAYS,
) -> Output[str]:
    """Name of a Secret with `tls.crt`, `tls.key` and `ca.crt`; known once the certificate is issued.

    It is renewed after half of `days`: the server has to reload it, or to restart before it expires.
    """
    return custom_resource(
        name,
        "Certificate",
        api_version=API_VERSION,
        namespace=namespace,
        spec={
            "secretName": name,
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": trust.issuer},
            "dnsNames": list(hosts),
            "ipAddresses": ["127.0.0.1"],  # for probes and commands inside the pod
            "usages": ["digital signature", "server auth", "client auth"],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "duration": f"{days * 24}h",
            "renewBefore": f"{days * 12}h",
        },
        parent=parent,
        ready_within=10,
    )


def ca_bundle(name: str, trust: CaTrust, *, namespace: Input[str], parent: Resource) -> Output[str]:
    """Name of a ConfigMap with the CA's certificate as `ca.crt`, for clients in `namespace`."""
    made = k8s.core.v1.ConfigMap(
        name,
        metadata={"name": name, "namespace": namespace},
        data={"ca.crt": trust.ca_pem},
        opts=ResourceOptions(parent=parent),
    )
    bundle_name: Output[str] = made.metadata.name
    return bundle_name
