"""Vault and its first hour, as the whole program wires them."""

import yaml

from components.monitoring.alert_rules import FILES
from components.vault.values import configuration
from tests.support.recorder import SECRET

RELEASE = "kubernetes:helm.sh/v3:Release"
ALERTS = {
    "an unreachable Vault": "VaultNoActiveNode",
    "a Vault that does not open": "VaultSealed",
    "an expired secret id": "ConcourseVaultLoginFailing",
    "a certificate that its issuer does not renew": "CertificateNotRenewed",
    "a Consul that answers nothing": "ConsulUnhealthy",
}
"""Where each is noticed. A CA about to expire is noticed by previews too: see test_authority."""


def test_its_servers_speak_tls_and_are_opened_by_key_vault():
    text = configuration("consul:8501")
    assert 'seal "azurekeyvault"' in text
    assert "tls_disable" not in text
    assert 'scheme      = "https"' in text
    assert "token" not in text


def test_the_release_does_not_wait_for_what_comes_after_it(run_stack):
    """Before its initialisation no server is unsealed; one that is sealed afterwards is not ready."""
    server = run_stack("prod").named(RELEASE)["vault"].inputs["values"]["server"]
    assert "uninitcode=204" in server["readinessProbe"]["path"]
    assert "sealedcode" not in server["readinessProbe"]["path"]
    assert server["updateStrategyType"] == "RollingUpdate"


def test_the_init_job_may_start_vaults_servers_anew_and_nothing_else(run_stack):
    role = run_stack("prod").named("kubernetes:rbac.authorization.k8s.io/v1:Role")["vault-init"].inputs
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["pods"],
            "resourceNames": ["vault-0", "vault-1", "vault-2"],
            "verbs": ["delete"],
        }
    ]


def test_no_preview_asks_vault_for_anything(run_stack):
    """An invoke runs in previews too; resources are only asked of in an update or a refresh."""
    assert not [call.token for call in run_stack("prod").calls if call.token.startswith("vault:")]


def test_the_operators_password_is_secret_and_makes_no_child_token(run_stack):
    provider = run_stack("prod").one("pulumi:providers:vault").inputs
    assert SECRET in str(provider["authLoginUserpass"])
    assert provider["skipChildToken"] == "true"
    assert provider["skipTlsVerify"] == "false"


def test_what_can_go_wrong_has_an_alert():
    told = {
        rule["alert"]
        for file in FILES.glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    }
    assert set(ALERTS.values()) <= told
