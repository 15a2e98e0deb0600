"""Simulated clouds: the real Pulumi engine runs the real program without Azure.

`workspace` prepares the engine's project, `serve` starts the providers in a process of their own,
`provider` speaks Pulumi's provider protocol, `store` keeps the objects on disk, `faults` injects errors.
One table for each cloud (`azure`, `entra`, `kubernetes`, `vault`, `random_and_tls`) has the resource types
that the platform uses: required inputs, outputs, refusals, replacements. Any other type is refused.
"""
