"""Traefik, host names and routes."""
