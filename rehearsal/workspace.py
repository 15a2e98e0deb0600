"""The workspace of a rehearsal: a scratch project, a state on disk, and the process of the simulated clouds.

A rehearsal writes only to its own folder (default: `.rehearsal/<stack>`).
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from components.config.secrets import REQUIRED_SECRETS
from components.kubernetes.charts import FOLDER
from components.stack_files import written_config

ROOT = Path(__file__).parent.parent


@dataclass
class Workspace:
    """The engine's project folder and environment."""

    work_dir: Path
    """A scratch project: copies of Pulumi.yaml and of the stack file's config."""
    clouds: "subprocess.Popen[str]"
    environment: dict[str, str] = field(default_factory=dict)

    def ready(self) -> dict[str, str]:
        """Wait for the clouds. Returns the environment variables with their addresses for the engine."""
        if "PULUMI_DEBUG_PROVIDERS" not in self.environment and self.clouds.stdout:
            line = self.clouds.stdout.readline()
            if not line:
                raise RuntimeError("the simulated clouds did not start; their error is above")
            ports, resource_manager = json.loads(line)
            address = f"http://127.0.0.1:{resource_manager}"
            os.environ["AZURE_RESOURCE_MANAGER"] = address  # for the hooks of the program, in this process
            self.environment["PULUMI_DEBUG_PROVIDERS"] = ",".join(f"{n}:{p}" for n, p in ports.items())
        return self.environment


@contextlib.contextmanager
def open_workspace(
    stack: str, *, home: Path, root: Path = ROOT, scale: float = 0.0, faults: str = ""
) -> Iterator[Workspace]:
    """Run the simulated clouds of a stack while the block runs. `scale` 1 is as slow as Azure."""
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch(stack, root, home / "project")
    (home / "state").mkdir(exist_ok=True)
    here = [str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {
        "PULUMI_BACKEND_URL": (home / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(home / "pulumi"),
        "PATH": os.pathsep.join(here),
        "GOGC": "400",  # the engine writes its whole state after each step, which makes much garbage
    }
    clouds = subprocess.Popen(
        [sys.executable, "-m", "rehearsal", stack, home, str(scale), faults],
        cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,  # a Ctrl-C stops the engine, which needs the clouds until then
    )  # fmt: skip
    try:
        yield Workspace(home / "project", clouds, environment)
    finally:
        clouds.kill()
        clouds.communicate()


def scratch(stack: str, root: Path, folder: Path) -> None:
    """Copy the project without its backend, with placeholders for its secrets."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / FOLDER).symlink_to(root / FOLDER)  # for the real Kubernetes provider
    project = yaml.safe_load((root / "Pulumi.yaml").read_text())
    project.pop("backend", None)
    config = dict(written_config(stack, root))
    for key, value in config.items():
        if isinstance(value, dict) and "secure" in value:
            config[key] = f"rehearsed-{key.rpartition(':')[2]}"
    config |= {f"{project['name']}:{key}": secret.example for key, secret in REQUIRED_SECRETS.items()}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (folder / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": config}, default=str))
