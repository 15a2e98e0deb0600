"""TLS: connections are encrypted, by version 1.2 or later, and clients verify the server."""

import re
from collections.abc import Iterator
from typing import Any

from policy.rule import Place, Resource, anywhere, at, chart_of, keys, named, rule, texts, variables, whole

CONFIGURATION = "azure-native:dbforpostgresql:Configuration"
ACCOUNT = "azure-native:storage:StorageAccount"
ROUTE = "kubernetes:traefik.io/v1alpha1:IngressRoute"
RELEASE = "kubernetes:helm.sh/v3:Release"
VERIFIED = ("verify-ca", "verify-full")
"""PostgreSQL client modes that verify the server's certificate (libpq's sslmode)."""
ENFORCED = {
    "require_secure_transport": ("on",),
    "ssl_min_protocol_version": ("TLSv1.2", "TLSv1.3"),
}
"""Server parameters that enforce encrypted connections, and their permitted values."""
SKIPS = {
    "insecureskipverify", "skiptlsverify", "tlsskipverify", "tlsskipverifyinsecure", "skipsslvalidation",
    "skipcertverification", "sslinsecure", "insecureskiptlsverify",
}  # fmt: skip
"""Keys that switch verification off, without case, dashes, dots and underscores."""
VERIFIES = {"verifycerts", "sslverify", "tlsverify", "verifyssl", "sslverificationmode", "verificationmode"}
"""Keys that switch it on."""
OFF = ("", "0", "false", "off", "no", "none")
VAULT = "pulumi:providers:vault"
UNVERIFIED = re.compile(
    r"\btls\.verify(_hostname)?\s+off\b"  # fluent-bit
    r"|\b(tls|insecure)_skip_verify\"?\s*[=:]\s*\"?(true|1)\b"  # Vault, Telegraf, Prometheus
    r"|--no-check-certificate|--insecure\b|-tls-skip-verify\b|\bcurl\b[^\n;|&]*\s-[a-z]*k\b"
    r"|_create_unverified_context|\bCERT_NONE\b|\bverify=False\b",  # Python
    re.IGNORECASE,
)
UNENCRYPTED = re.compile(r"\btls_disable\s*=\s*\"?(1|true)\b", re.IGNORECASE)
"""In a listener of Vault (developer.hashicorp.com/vault/docs/configuration/listener/tcp)."""
OLD = re.compile(r"tls[_v]*(ersion)?_?1[_.]?[01]\b|\bssl_?v?[23]\b", re.IGNORECASE)
"""TLS 1.0, TLS 1.1 and SSL in the spellings of Azure, Vault, Traefik, Go and PostgreSQL."""
SWITCHES = {
    # variable: values that switch verification off
    "VAULT_SKIP_VERIFY": ("1", "true"),
    "CONSUL_HTTP_SSL_VERIFY": ("0", "false"),
    "NODE_TLS_REJECT_UNAUTHORIZED": ("0",),
    "PYTHONHTTPSVERIFY": ("0",),
    "GIT_SSL_NO_VERIFY": ("1", "true"),
    "CONCOURSE_VAULT_INSECURE_SKIP_VERIFY": ("1", "true"),
    "CONCOURSE_OIDC_SKIP_SSL_VALIDATION": ("1", "true"),
}


def normal(key: str) -> str:
    """A key without case and separators."""
    return re.sub(r"[-_.]", "", key).lower()


@rule(
    "encrypted-database",
    whole(CONFIGURATION),
    demands="The database's server enforces TLS.",
    why="Passwords and build logs would cross the network in plain text.",
    comply="Set `require_secure_transport` to on, and `ssl_min_protocol_version` to TLSv1.2 or TLSv1.3.",
)
def encrypted_database(place: Place) -> str | None:
    name = str(place.value["configurationName"])
    if name in ENFORCED and (value := place.value.get("value")) not in ENFORCED[name]:
        return f"{name} is {value}: the database must enforce TLS ({' or '.join(ENFORCED[name])})"
    return None


@rule(
    "verified-database",
    anywhere(named("sslmode", "values.concourse.web.postgres"), variables("PGSSLMODE".__eq__)),
    demands="Database connections verify the server's certificate.",
    why="Whoever answers in the server's place would get the password.",
    comply="Set `database.sslMode` to verify-full or verify-ca.",
)
def verified_database(place: Place) -> str | None:
    if place.value in VERIFIED:
        return None
    wanted = " or ".join(VERIFIED)
    return f"{place.path} is {place.value}: the database's certificate must be verified ({wanted})"


@rule(
    "verified-tls",
    anywhere(keys(lambda key: normal(key) in SKIPS | VERIFIES), variables(SWITCHES.__contains__), texts),
    demands="Every client verifies the certificate of its server.",
    why="Without that, TLS does not say who answers.",
    comply="Give the client the CA that signed the certificate: the internal one is `trust.ca_pem`. Set "
    "`certificates.issuer` to production in a stack with data.",
)
def verified_tls(place: Place) -> str | None:
    name = place.path.rpartition(".")[2]
    if name in SWITCHES:
        return f"{name} is {place.value}" if str(place.value).lower() in SWITCHES[name] else None
    if (key := normal(name)) in SKIPS:
        return None if _off(place.value) or _of_a_trial(place) else f"{place.path} is {place.value}"
    if key in VERIFIES:
        return f"{place.path} is {place.value}" if _off(place.value) else None
    found = UNVERIFIED.search(place.value) if isinstance(place.value, str) else None
    return f"{place.path} has `{found[0]}`" if found else None


def _of_a_trial(place: Place) -> bool:
    """Whether it is the Vault of a stack without data whose public certificates are only for tests."""
    stack = place.resource.stack
    return place.resource.type == VAULT and stack.test_certificates and not stack.protected


def _off(value: Any) -> bool:
    return not value or str(value).lower() in OFF


def _versions(key: str) -> bool:
    """Whether a key sets the lowest version of TLS."""
    return bool(re.fullmatch(r"(min(imum)?(tls|ssl)?|(tls|ssl)min)(protocol)?version", normal(key)))


@rule(
    "tls-1.2",
    anywhere(at(ACCOUNT, "minimumTlsVersion"), keys(_versions), texts),
    demands="No server accepts TLS before version 1.2.",
    why="TLS 1.0 and 1.1 are broken and deprecated (RFC 8996).",
    comply="Set the lowest version to 1.2 or 1.3.",
)
def tls_1_2(place: Place) -> str | None:
    if place.path == "minimumTlsVersion":
        good = place.value in {"TLS1_2", "TLS1_3"}
        return None if good else f"{place.path} is {place.value}"
    if _versions(place.path.rpartition(".")[2]):
        return f"{place.path} is {place.value}" if OLD.search(str(place.value)) else None
    found = re.search(
        rf"\b\w*tls_?min_?version\"?\s*[=:]\s*\"?({OLD.pattern})", str(place.value), re.IGNORECASE
    )
    return f"{place.path} has `{found[0]}`" if found else None


def _encrypted(resource: Resource) -> Iterator[Place]:
    if resource.type == RELEASE and chart_of(resource) == "consul":
        yield from at(RELEASE, "values.global.tls.enabled", "values.global.tls.httpsOnly")(resource)
    yield from at(ACCOUNT, "enableHttpsTrafficOnly")(resource)
    yield from at(ROUTE, "spec.entryPoints", "spec.tls")(resource)
    yield from keys(lambda key: normal(key) == "tlsdisable")(resource)
    yield from texts(resource)


@rule(
    "tls-on",
    _encrypted,
    demands="Routes, storage accounts, Vault and Consul take no connection without TLS.",
    why="Tokens and secrets would cross the network in plain text.",
    comply="Leave TLS on; a route has `tls` and the entry point websecure only.",
)
def tls_on(place: Place) -> str | None:
    last, value = place.path.rpartition(".")[2], place.value
    if last == "entryPoints":
        return None if value is not None and [*value] == ["websecure"] else f"{place.path} is {value}"
    if place.resource.type == ROUTE and last == "tls":
        return None if value else "spec.tls is missing"
    if normal(last) == "tlsdisable":
        return None if _off(value) else f"{place.path} is {value}"
    if last in {"enabled", "httpsOnly", "enableHttpsTrafficOnly"} and not isinstance(value, str):
        return None if value is True else f"{place.path} is {value}"
    found = UNENCRYPTED.search(value) if isinstance(value, str) else None
    return f"{place.path} has `{found[0]}`" if found else None


RULES = [encrypted_database, verified_database, verified_tls, tls_1_2, tls_on]
