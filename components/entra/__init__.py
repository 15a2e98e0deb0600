"""Entra ID: application registrations, groups and token claims."""
