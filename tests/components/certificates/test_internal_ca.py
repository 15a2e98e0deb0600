"""The internal CA: key, renewal and server certificates."""

from pulumi import ComponentResource, Output

from components.certificates.internal_ca import (
    EARLY_RENEWAL,
    VALIDITY,
    YEAR,
    InternalCA,
    ca_bundle,
    server_certificate,
)
from tests.support.recorder import SECRET

CERTIFICATE = "kubernetes:cert-manager.io/v1:Certificate"


def made(run, keep=None):
    def program():
        authority = InternalCA("authority", cert_manager="cert-manager")
        parent = ComponentResource("platform:index:Test", "test")
        secret = server_certificate(
            "vault-tls", authority.trust, namespace="vault", hosts=["vault.vault.svc"], parent=parent
        )
        ca_bundle("ca", authority.trust, namespace="monitoring", parent=parent)
        if keep is not None:
            secret.apply(lambda name: keep.update(secret=name))
            told = Output.from_input(authority.trust.ca_pem.is_secret())
            told.apply(lambda secret: keep.update(hidden=secret))

    return run(program)


def test_the_cas_key_is_in_one_secret_in_cert_managers_namespace(run):
    recorder = made(run)
    [secret] = recorder.of_type("kubernetes:core/v1:Secret")
    assert secret.inputs["metadata"]["namespace"] == "cert-manager"
    assert set(secret.inputs["stringData"]["value"]) == {"tls.crt", "tls.key"}
    assert SECRET in secret.inputs["stringData"]


def test_previews_show_the_cas_renewal_years_before_expiry(run):
    """The provider replaces the certificate then. Leaves last 90 days, so none outlives the old one."""
    root = made(run).one("tls:index/selfSignedCert:SelfSignedCert").inputs
    assert root["validityPeriodHours"] == VALIDITY >= 10 * YEAR
    assert root["earlyRenewalHours"] == EARLY_RENEWAL >= 2 * YEAR
    assert root["isCaCertificate"] is True


def test_server_certificates_stay_valid_after_a_renewal_of_the_ca(run):
    """The key stays, and so does the key identifier that leaves refer to."""
    root = made(run).one("tls:index/selfSignedCert:SelfSignedCert").inputs
    assert root["setSubjectKeyId"] is True


def test_server_certificates_have_to_become_ready_and_are_renewed(run):
    kept = {}
    spec = made(run, kept).one(CERTIFICATE).inputs
    assert spec["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    assert spec["spec"]["dnsNames"] == ["vault.vault.svc"]
    assert spec["spec"]["issuerRef"]["name"] == "platform-internal"
    assert int(spec["spec"]["renewBefore"][:-1]) < int(spec["spec"]["duration"][:-1])
    assert kept["secret"] == "vault-tls"


def test_clients_get_the_cas_certificate_in_a_config_map(run):
    kept = {}
    [config] = made(run, kept).of_type("kubernetes:core/v1:ConfigMap")
    assert "BEGIN CERTIFICATE" in config.inputs["data"]["ca.crt"]
    assert kept["hidden"] is False
