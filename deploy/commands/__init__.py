"""The commands of `python -m deploy`, one file a noun.

A command imports what it needs when it runs: help and completion answer without loading the engine's SDK.
"""
