"""A preview of so many trivial resources, for comparison: `python -m tools.trivial 350 FOLDER`.

Nothing in it is ours but the simulated provider.
"""

import sys
from pathlib import Path

import pulumi_random as random
from pulumi import automation as auto

from rehearsal.workspace import open_workspace


def main(number: int, home: Path) -> None:
    def program() -> None:
        for index in range(number):
            random.RandomPassword(f"trivial-{index}", length=8)

    with open_workspace("demo", home=home) as here:
        workspace = auto.LocalWorkspaceOptions(work_dir=str(here.work_dir), env_vars=here.ready())
        auto.create_stack("demo", project_name="platform", program=program, opts=workspace).preview()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
