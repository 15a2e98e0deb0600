"""The real Kubernetes provider in a rehearsal: the engine finds it on PATH. The other clouds are simulated.

For `REHEARSAL_SERVERS` (rehearsal/__main__.py).
"""

import base64
import contextlib
import json
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from rehearsal import azure, vault
from rehearsal.provider import Provider
from rehearsal.store import RefusedError
from tests.conformance.http_server import Server

FILE = "REAL_SERVERS"
"""The variable with the name of the file that says where the API server is."""
CREDENTIALS = "azure-native:containerservice:listManagedClusterUserCredentials"
INIT = "/apis/batch/v1/namespaces/vault/jobs/vault-init"


def connect(providers: MutableMapping[str, Provider]) -> None:
    """Leave Kubernetes to the engine. Azure answers with its server's CA; Vault waits for the real Job."""
    where = json.loads(Path(os.environ[FILE]).read_text())
    server = Server(where["url"], where["ca"], Authorization=f"Bearer {where['token']}")
    del providers["kubernetes"]
    simulated, ca = azure.INVOKES[CREDENTIALS], base64.b64encode(Path(where["ca"]).read_bytes()).decode()

    def credentials(*arguments: Any) -> Any:
        answer = simulated(*arguments)
        for given in answer["kubeconfigs"]:
            config = json.loads(base64.b64decode(given["value"]))
            config["clusters"][0]["cluster"]["certificate-authority-data"] = ca
            given["value"] = base64.b64encode(json.dumps(config).encode()).decode()
        return answer

    def unsealed(_: object) -> bool:
        with contextlib.suppress(RefusedError):
            conditions = server.call("GET", INIT)["status"].get("conditions", ())
            return any(each["type"] == "Complete" for each in conditions)
        return False

    azure.INVOKES[CREDENTIALS] = credentials
    vault.unsealed = unsealed
