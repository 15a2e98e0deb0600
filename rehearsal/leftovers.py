"""The releases that a killed rehearsal leaves pending, in the files of the simulated clouds."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RELEASE = "kubernetes:helm.sh/v3:Release"


class SimulatedCluster:
    """Has the methods of `deploy recover`'s real cluster."""

    def __init__(self, home: Path) -> None:
        self.files = {file: json.loads(file.read_text()) for file in (home / "cloud").rglob("*.json")}

    def stuck(self) -> Iterator[tuple[str, Path]]:
        """The key of each pending release, with its file."""
        for file, found in self.files.items():
            if found["type"] == RELEASE and found["outputs"]["status"]["status"].startswith("pending-"):
                yield found["id"], file

    def mark_failed(self, record: Path) -> None:
        """Mark a release as failed, so that the next `up` may change it."""
        self.files[record]["outputs"]["status"]["status"] = "failed"
        record.write_text(json.dumps(self.files[record]))

    def find(self, resource: Mapping[str, Any]) -> str | None:
        """The id of an object with these inputs. Entra generates ids, so they do not follow from inputs."""
        wanted = {
            key: value for key, value in resource.get("inputs", {}).items() if not isinstance(value, dict)
        }
        for found in self.files.values():
            if found["type"] == resource["type"] and wanted.items() <= found["inputs"].items():
                return str(found["id"])
        return None
