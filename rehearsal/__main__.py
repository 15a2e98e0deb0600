"""The process of the simulated clouds: `python -m rehearsal STACK HOME SCALE FAULTS`.

It prints its ports, then serves. It outlives a killed driver, as real clouds do, until the engine is idle.
REHEARSAL_SERVERS can name a module that puts real servers behind the providers, by its
`connect(providers)`.
"""

import asyncio
import importlib
import json
import os
import sys
from pathlib import Path

import yaml

from components.config.teams_file import with_teams
from components.stack_files import ROOT
from rehearsal import resource_manager, serve
from rehearsal.faults import Faults
from rehearsal.store import Store

IDLE = 2.0
"""Seconds without an operation after which an engine without its driver counts as ended."""


async def main(stack: str, home: Path, scale: float, faults: str) -> None:
    """Serve until the driver kills this process, or until both driver and engine have ended."""
    store = Store(home / "cloud", scale=scale)
    config = yaml.safe_load((home / "project" / f"Pulumi.{stack}.yaml").read_text())["config"]
    config, _ = with_teams(config, ROOT)
    serve.preconditions(store, config)
    store.faults = Faults(faults, scale) if faults else None
    providers = serve.providers_of(store)
    if module := os.environ.get("REHEARSAL_SERVERS"):
        importlib.import_module(module).connect(providers)
    ports = await serve.serve(providers)
    print(json.dumps([ports, await resource_manager.serve(store)]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the driver ends
    before = -1
    while store.under_way or store.operations != before:
        before = store.operations
        await asyncio.sleep(IDLE)
    os._exit(0)  # every object is on disk; a regular shutdown of gRPC prints errors


if __name__ == "__main__":
    _, stack, home, scale, faults = sys.argv
    asyncio.run(main(stack, Path(home), float(scale), faults))
