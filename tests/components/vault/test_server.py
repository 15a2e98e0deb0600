"""Vault and its initialisation, as the whole program wires them."""

import yaml

from components.monitoring.alert_rules import FILES
from components.vault.values import configuration
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"
ALERTS = {
    "an unreachable Vault": "VaultNoActiveNode",
    "a sealed Vault": "VaultSealed",
    "an expired secret id": "ConcourseVaultLoginFailing",
    "a certificate that is not renewed": "CertificateNotRenewed",
    "a Consul without a leader": "ConsulUnhealthy",
}
"""The alert for each failure. Previews show an expiring CA too: see test_internal_ca."""


def test_vault_uses_tls_and_unseals_with_key_vault():
    text = configuration("consul:8501", proxies="10.244.0.0/16")
    assert 'seal "azurekeyvault"' in text
    assert "tls_disable" not in text
    assert 'scheme      = "https"' in text
    assert "token" not in text


def test_the_release_does_not_wait_for_the_initialisation(run_stack):
    """An uninitialised server is ready. A sealed one is not."""
    server = run_stack("prod").named(RELEASE)["vault"].inputs["values"]["server"]
    assert "uninitcode=204" in server["readinessProbe"]["path"]
    assert "sealedcode" not in server["readinessProbe"]["path"]
    assert server["updateStrategyType"] == "RollingUpdate"


def test_the_init_job_may_delete_vaults_pods_and_nothing_else(run_stack):
    role = run_stack("prod").named("kubernetes:rbac.authorization.k8s.io/v1:Role")["vault-init"].inputs
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["pods"],
            "resourceNames": ["vault-0", "vault-1", "vault-2"],
            "verbs": ["delete"],
        }
    ]


def test_no_invoke_calls_vault(run_stack):
    """Invokes run in previews too, where Vault may not exist yet."""
    assert not [call.token for call in run_stack("prod").calls if call.token.startswith("vault:")]


def test_the_provider_has_a_secret_password_and_no_child_token(run_stack):
    provider = run_stack("prod").one("pulumi:providers:vault").inputs
    assert SECRET in str(provider["authLoginUserpass"])
    assert provider["skipChildToken"] == "true"
    assert provider["skipTlsVerify"] == "false"


def test_every_failure_has_an_alert():
    alerts = {
        rule["alert"]
        for file in FILES.glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert set(ALERTS.values()) <= alerts
