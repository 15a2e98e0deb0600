"""Builds the real servers and tools for `tests/conformance`, each once per user.

    python3 tools/servers.py              all of them, one after the other
    python3 tools/servers.py helm etcd    some of them

Prints `name path` for each. Standard library only, like the set-up.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools import setup


class Tool(NamedTuple):
    """A command of `tools/<name>/go.mod`, and the minutes that its build takes on 2 cores."""

    package: str
    minutes: int
    version_symbol: str = ""
    tags: str = ""


# The quickest build first: its command can be used during the others.
TOOLS = {
    "etcd": Tool("go.etcd.io/etcd/server/v3", 1),
    "helm": Tool("helm.sh/helm/v3/cmd/helm", 2, "helm.sh/helm/v3/internal/version.version"),
    "promtool": Tool(
        "github.com/prometheus/prometheus/cmd/promtool", 4, "github.com/prometheus/common/version.Version"
    ),
    "kube-apiserver": Tool(
        "k8s.io/kubernetes/cmd/kube-apiserver", 6, "k8s.io/component-base/version.gitVersion"
    ),
    # Minimal: without the plugins and storage backends of other clouds, half of the build.
    "vault": Tool("github.com/hashicorp/vault", 9, tags="minimal"),
}


def place(name: str) -> Path:
    """The file of the command `name`, built or not."""
    tool = TOOLS[name]
    return setup.place(name, tool.package, tool.version_symbol, tool.tags)[2]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the servers that the conformance tests need.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(TOOLS)}; without a name all of them"
    )
    names = parser.parse_args(argv).names or list(TOOLS)
    if unknown := sorted(set(names) - set(TOOLS)):
        parser.error(f"no such tool: {', '.join(unknown)}. There are {', '.join(TOOLS)}.")
    signal.signal(signal.SIGTERM, setup.interrupt)
    os.nice(10)  # a build uses all cores for minutes
    try:
        for name in names:
            package, minutes, symbol, tags = TOOLS[name]
            command = setup.build_tool(name, package, version_symbol=symbol, tags=tags, minutes=minutes)
            print(name, command, flush=True)
    except setup.SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. The commands that are built are kept.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
