"""Assembles the pack. `PolicyPack` starts a server and does not return, so the rules are in `rules`."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # the pack runs with its own folder as its root
from policy.pack import policies
from policy.rules import RULES

PolicyPack(name="platform", policies=policies(RULES))
