"""Objects of Helm releases that somebody changed by hand. The kubernetes provider compares none of them.

Helm's record of a release has the objects that it made; the API server says what applying them again would
change. Nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
import yaml

from deploy.cluster_access import Access, helm_record

Manifest = Mapping[str, Any]
AT_ONCE = 16
"""Requests to the API server at the same time."""
RECORDS = "/api/v1/secrets?labelSelector=owner%3Dhelm,status%3Ddeployed"
APPLY = {"fieldManager": "drift", "force": "true", "dryRun": "All"}
OF_THE_SERVER = ("metadata.managedFields", "metadata.resourceVersion", "metadata.generation", "status")
FILLED_IN = "caBundle"
"""Charts leave it empty or as a placeholder in webhooks: cert-manager and the ECK operator fill it in."""


class ApiServer:
    """An API server, asked with the caller's own token."""

    def __init__(self, access: Access) -> None:
        self.url, self.ca, self.session = access.server, access.ca, requests.Session()
        self.session.headers["Authorization"] = f"Bearer {access.token}"
        self.kinds: dict[tuple[str, str], tuple[str, bool]] = {}

    def ask(self, method: str, path: str, **how: Any) -> Any:
        """Its answer; None if there is no such thing."""
        answer = self.session.request(method, self.url + path, timeout=30, verify=self.ca, **how)
        if answer.status_code == requests.codes.not_found:
            return None
        answer.raise_for_status()
        return answer.json()

    def path(self, item: Manifest, namespace: str) -> str:
        """Where an object of a release in `namespace` is."""
        version, kind = item["apiVersion"], item["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self.kinds:
            for known in (self.ask("GET", root) or {"resources": []})["resources"]:
                if "/" not in known["name"]:
                    self.kinds[version, known["kind"]] = known["name"], known["namespaced"]
        plural, inside = self.kinds.get((version, kind), (f"{kind.lower()}s", True))
        place = f"/namespaces/{item['metadata'].get('namespace', namespace)}" if inside else ""
        return f"{root}{place}/{plural}/{item['metadata']['name']}"

    def differences(self, item: Manifest, namespace: str) -> list[str]:
        """The paths of an object at which Helm's manifest would change it."""
        path = self.path(item, namespace)
        live = self.ask("GET", path)
        if live is None:
            return ["is gone"]
        if not list(unlike(item, live)):
            return []
        headers = {"Content-Type": "application/apply-patch+yaml"}
        # Server-side, because the server writes some values in another way: 1000m of a CPU is 1.
        try:
            wanted = self.ask("PATCH", path, params=APPLY, headers=headers, json=item)
        except requests.HTTPError:  # it may not be changed so: what is unlike is changed
            wanted = item
        return [at for at in unlike(wanted or {}, live) if not at.startswith(OF_THE_SERVER)]


def unlike(mine: Any, live: Any, path: str = "") -> Iterator[str]:
    """Paths at which `live` is not what `mine` says. What `mine` does not say is no difference."""
    if isinstance(mine, Mapping) and isinstance(live, Mapping):
        for key, value in mine.items():
            if key != FILLED_IN:
                yield from unlike(value, live.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(mine, list) and isinstance(live, list) and len(mine) == len(live):
        for index, pair in enumerate(zip(mine, live, strict=True)):
            yield from unlike(*pair, f"{path}[{index}]")
    elif mine != live and (mine or live):
        yield path


def objects(record: Manifest) -> Iterator[Manifest]:
    """The objects of a release, from the Secret in which Helm keeps it."""
    for document in yaml.safe_load_all(helm_record(record)["manifest"]):
        yield from (document or {"items": ()}).get("items", [document])


def changed(server: ApiServer) -> dict[tuple[str, str], list[str]]:
    """(namespace, name) of a release → its objects that were changed, with the paths."""
    found: dict[tuple[str, str], list[str]] = {}
    work = []
    for record in (server.ask("GET", RECORDS) or {"items": ()})["items"]:
        release = record["metadata"]["namespace"], record["metadata"]["labels"]["name"]
        work += [(release, item) for item in objects(record)]
    for _, item in work:  # asks for each kind once
        server.path(item, "")
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = threads.map(lambda one: server.differences(one[1], one[0][0]), work)
        for (release, item), paths in zip(work, answers, strict=True):
            if paths:
                text = f"{item['kind']} {item['metadata']['name']}: {', '.join(paths)}"
                found.setdefault(release, []).append(text)
    return found


def by_urn(
    found: Mapping[tuple[str, str], list[str]], resources: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, list[str]]]:
    """What was changed of the stack's own releases, by their URNs in its state."""
    for resource in resources:
        inputs = resource.get("inputs") or {}
        if texts := found.get((inputs.get("namespace"), inputs.get("name"))):  # type: ignore[arg-type]
            yield resource["urn"], texts
