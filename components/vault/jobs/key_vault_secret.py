"""A secret in Azure Key Vault, accessed with the Job's workload identity. Standard library only."""

import os
import urllib.parse
from pathlib import Path

from calls import Server

API = "api-version=7.4"
DELAYED = (400, 401, 403)
"""Codes until a new identity and its role assignment have propagated, which takes minutes."""


class KeyVaultSecret:
    """A secret with tagged versions."""

    def __init__(self) -> None:
        self.path = f"/secrets/{os.environ['KEY_VAULT_SECRET']}"
        bearer = self._login()
        self.vault = Server(os.environ["KEY_VAULT_URL"], {"Authorization": f"Bearer {bearer}"})

    @staticmethod
    def _login() -> str:
        """A token from Entra, in exchange for the token of the Job's service account."""
        entra = Server(os.environ.get("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com"))
        assertion = Path(os.environ["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="utf-8").strip()
        form = {
            "grant_type": "client_credentials",
            "client_id": os.environ["AZURE_CLIENT_ID"],
            "scope": os.environ.get("KEY_VAULT_SCOPE", "https://vault.azure.net/.default"),
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        path = f"/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        answer = entra.call("POST", path, urllib.parse.urlencode(form).encode(), also=DELAYED)
        return str(answer["access_token"])

    def write(self, value: str, tags: dict[str, str]) -> None:
        """Add a version; older ones stay."""
        body = {"value": value, "tags": tags}
        self.vault.call("PUT", f"{self.path}?{API}", body, also=DELAYED)

    def has(self, tags: dict[str, str]) -> bool:
        """Whether an enabled version has these tags. Reads no value."""
        path: str | None = f"{self.path}/versions?{API}"
        while path:
            page = self.vault.call("GET", path, also=DELAYED)
            for version in page["value"]:
                on = version.get("attributes", {}).get("enabled", True)
                if on and tags.items() <= (version.get("tags") or {}).items():
                    return True
            url = page.get("nextLink")
            path = url and url[len(url) - len(url.split("/", 3)[3]) - 1 :]
        return False
