"""Concourse: web nodes, workers, teams, keys and local users."""

from components.concourse.database_role import DatabaseRole
from components.concourse.keys import ConcourseKeys
from components.concourse.local_users import LocalUsers
from components.concourse.team_members import Auth, team_config, team_members, to_api_auth
from components.concourse.teams import Teams
from components.concourse.web import Concourse
from components.concourse.web_secret import VaultLogin
from components.concourse.workers import Workers

__all__ = [
    "Auth",
    "Concourse",
    "ConcourseKeys",
    "DatabaseRole",
    "LocalUsers",
    "Teams",
    "VaultLogin",
    "Workers",
    "team_config",
    "team_members",
    "to_api_auth",
]
