"""Simulated clouds: the real Pulumi engine runs the real program here when there is no Azure.

`stage` is where the driver runs the engine, `ground` serves the clouds from a process of their own,
`provider` speaks Pulumi's provider protocol, `cloud` keeps what exists on disk, `faults` knows what goes
wrong, and one table a cloud (`azure`, `generated`, …) says what each resource type needs, gives, refuses
and replaces. What the tables do not know is refused.
"""
