"""Simulated clouds: the real Pulumi engine runs the real program here when there is no Azure.

`ground` sets the stage for one stack, `provider` speaks Pulumi's provider protocol, `cloud` keeps what
exists on disk, and one table a cloud (`azure`, `generated`, …) says what each resource type needs,
gives, refuses and replaces. What the tables do not know is refused.
"""
