"""Concourse: web nodes, workers, teams, keys and local users."""
