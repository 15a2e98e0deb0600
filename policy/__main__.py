"""Assembles the pack. `PolicyPack` starts a server and does not return, so the rules are in `rules`."""

from pulumi_policy import PolicyPack
from rules import RULES

PolicyPack(name="platform", policies=RULES)
