"""Checks against a running stack: `python -m deploy smoke`."""
