"""The clouds' own process: `python -m rehearsal STACK HOME SCALE FAULTS`. Writes its ports, then serves.

Apart from the driver, as real providers are, so that both work at once and a lost driver does not take
the clouds from under the engine.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import yaml

from rehearsal import serve as ground
from rehearsal.faults import Faults
from rehearsal.store import Cloud

IDLE = 2.0
"""Seconds without a request after which an engine without a driver is taken for gone."""


async def main(stack: str, home: Path, scale: float, faults: str) -> None:
    """Serve until the driver kills this process, or is gone and the engine too."""
    cloud = Cloud(home / "cloud", scale=scale)
    config = yaml.safe_load((home / "project" / f"Pulumi.{stack}.yaml").read_text())["config"]
    ground.preconditions(cloud, config)
    cloud.faults = Faults(faults, scale) if faults else None
    providers = ground.clouds(cloud)
    if servers := os.environ.get("REHEARSAL_SERVERS"):
        from tests.conformance import real_kubernetes as through  # noqa: PLC0415 tests alone need it

        through.connect(providers, Path(servers))
    print(json.dumps(await ground.serve(providers)), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # to the end of the driver
    before = -1
    while cloud.under_way or cloud.operations != before:
        before = cloud.operations
        await asyncio.sleep(IDLE)
    os._exit(0)  # every object is on disk, and a server's own end is noisy


if __name__ == "__main__":
    _, stack, home, scale, faults = sys.argv
    asyncio.run(main(stack, Path(home), float(scale), faults))
