"""Build the real servers and tools that `tests/conformance` runs against, each once per user.

    python3 tools/servers.py              all of them, one after the other
    python3 tools/servers.py helm etcd    some

Prints `name path` for each. Standard library only, as the set-up that it uses.
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
    """A command of `tools/<name>/go.mod`, with what 2 cores need to build it."""

    package: str
    minutes: int
    version_symbol: str = ""
    tags: str = ""


# In the order of their cost: what is cheap can be used while the rest is built.
TOOLS = {
    "etcd": Tool("go.etcd.io/etcd/server/v3", 1),
    "helm": Tool("helm.sh/helm/v3/cmd/helm", 2, "helm.sh/helm/v3/internal/version.version"),
    "promtool": Tool(
        "github.com/prometheus/prometheus/cmd/promtool",
        4,
        "github.com/prometheus/common/version.Version",
    ),
    "kube-apiserver": Tool(
        "k8s.io/kubernetes/cmd/kube-apiserver", 6, "k8s.io/component-base/version.gitVersion"
    ),
    # Without the plugins and storages of other clouds, which are half of it.
    "vault": Tool("github.com/hashicorp/vault", 9, tags="minimal"),
}


def place(name: str) -> Path:
    """Where the command `name` is once it is built."""
    tool = TOOLS[name]
    return setup.place(name, tool.package, tool.version_symbol, tool.tags)[2]


def build(name: str) -> Path:
    """The command `name`: from the cache, or built into it."""
    tool = TOOLS[name]
    return setup.build_tool(
        name, tool.package, version_symbol=tool.version_symbol, tags=tool.tags, minutes=tool.minutes
    )


def main(argv: list[str] | None = None) -> int:
    """Build what is asked for, and answer with the exit code."""
    parser = argparse.ArgumentParser(description="Build the servers that the conformance tests need.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TOOLS)}: all if none")
    names = parser.parse_args(argv).names or list(TOOLS)
    if unknown := sorted(set(names) - set(TOOLS)):
        parser.error(f"no such tool: {', '.join(unknown)}. There are {', '.join(TOOLS)}.")
    signal.signal(signal.SIGTERM, setup.interrupt)
    os.nice(10)  # builds take all cores for minutes
    try:
        for name in names:
            print(name, build(name), flush=True)
    except setup.SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What is built is kept.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
