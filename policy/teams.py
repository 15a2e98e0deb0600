"""What keeps the secrets of one team from another."""

from collections.abc import Iterator, Mapping

from pulumi_policy.proxy import UnknownValueError

from policy.rule import Place, Resource, named, rule

WEB, TEAM = "concourse-web", "team-"
"""Concourse's service account, and the prefix of the namespaces with secrets of teams."""


@rule(
    "no-secret-cache",
    named("secretCacheEnabled", "values.concourse.web"),
    demands="Concourse does not cache secrets.",
    why="Its cache shares identity tokens between teams (docs/trust.md).",
    comply="Leave `secretCacheEnabled` off.",
)
def no_secret_cache(place: Place) -> str | None:
    if place.value:
        return f"{place.path} is on: a team's build could get the identity token of another team's"
    return None


@rule(
    "lookups-by-team",
    named("vault", "values.concourse.web"),
    demands="Concourse looks secrets up by team, never by a pipeline's name.",
    why="A pipeline named `..` would read the secrets of other teams (docs/trust.md).",
    comply="Use only /{{.Team}}/{{.Secret}} in `lookupTemplates`.",
)
def lookups_by_team(place: Place) -> str | None:
    vault = place.value
    if not isinstance(vault, Mapping) or "pathPrefix" not in vault:
        return None
    templates = vault.get("lookupTemplates") or ()
    if templates and not any(".Pipeline" in template for template in templates):
        return None
    return f"{place.path}.lookupTemplates: a pipeline named `..` would read other teams' secrets"


@rule(
    "secrets-of-teams",
    named("kubernetes", "values.concourse.web"),
    demands="Without Vault, Concourse looks secrets up in namespaces of one team each.",
    why="Another namespace is open to other pods, or is that of a part of the platform (docs/trust.md).",
    comply="Set `namespacePrefix` to team- and `createTeamNamespaces` to false.",
)
def secrets_of_teams(place: Place) -> str | None:
    kubernetes = place.value
    if not isinstance(kubernetes, Mapping) or "createTeamNamespaces" not in kubernetes:
        return None
    if kubernetes["createTeamNamespaces"]:
        return f"{place.path}.createTeamNamespaces: such a namespace is open to all pods"
    if kubernetes.get("enabled", True) and kubernetes.get("namespacePrefix") != TEAM:
        return f"{place.path}.namespacePrefix: a team `workers` would read the secrets of concourse-workers"
    return None


def _bindings(resource: Resource) -> Iterator[Place]:
    """The inputs of each binding of a role."""
    if resource.type.startswith("kubernetes:rbac.") and resource.type.endswith("Binding"):
        yield Place(resource, "", lambda: resource.inputs)


@rule(
    "rights-of-web",
    _bindings,
    demands="Concourse's account has rights in the namespaces with secrets of teams only.",
    why="Its pods run what teams configure (docs/trust.md).",
    comply="Bind the role to another account, or in a namespace team-<team>.",
)
def rights_of_web(place: Place) -> str | None:
    try:
        web = any(each.get("name") == WEB for each in place.value.get("subjects") or ())
    except UnknownValueError:
        if place.resource.name.startswith(WEB):  # of other accounts' names little is known before an update
            raise
        return None
    where = str((place.value.get("metadata") or {}).get("namespace", "all namespaces"))
    if web and not where.startswith(TEAM):
        return f"{WEB} gets rights in {where}: only {TEAM}<team> has secrets of pipelines"
    return None


RULES = [no_secret_cache, lookups_by_team, secrets_of_teams, rights_of_web]
