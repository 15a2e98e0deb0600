"""The version of this checkout."""

import re
from importlib.metadata import version as version_of
from pathlib import Path

from deploy.approval import commit
from deploy.stack_file import ROOT


def version(root: Path = ROOT) -> str:
    """The last release, whether the checkout is that release, its commit, and Pulumi's version."""
    [last] = re.findall(r"^## \[(\d[^\]]*)\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE)[:1]
    here, released = commit(root), (root / "RELEASED").read_text().strip()
    later = "" if released.startswith(here) else " with later changes"
    return f"platform {last}{later} (commit {here}), Pulumi {version_of('pulumi')}"
