"""Certificates and credentials, and when they expire."""

from components.monitoring.dashboards.panels import Dashboard, Limits, Query, Row, graph, stat, table

CERTIFICATE = "max by (namespace, name) (certmanager_certificate_%s_timestamp_seconds)"
READY = 'certmanager_certificate_ready_status{condition="True"}'
COLUMNS = {"namespace": "Namespace", "name": "Certificate"}

WELL = (
    stat(
        "Next certificate",
        "s",
        "Time until the first certificate expires. cert-manager renews each after two thirds of its life.",
        "min(certmanager_certificate_expiration_timestamp_seconds) - time()",
        limits=Limits(21 * 86400, 7 * 86400, low=True),
        runbook="CertificateNotRenewed",
        width=6,
    ),
    stat(
        "Next credential",
        "s",
        "Time until the first credential expires that only an update renews.",
        "min(platform_expires_timestamp_seconds) - time()",
        limits=Limits(45 * 86400, 14 * 86400, low=True),
        runbook="CredentialExpiring",
        width=6,
    ),
    stat(
        "Not ready",
        "short",
        "Certificates that cert-manager cannot issue.",
        f"count(max by (namespace, name) ({READY}) == 0) or vector(0)",
        limits=Limits(1),
        runbook="CertificateNotReady",
        width=6,
    ),
    stat(
        "Renewals overdue",
        "short",
        "Certificates that are past the time of their renewal.",
        f"count({CERTIFICATE % 'renewal'} < time()) or vector(0)",
        limits=Limits(1, 1),
        runbook="CertificateNotRenewed",
        width=6,
    ),
)
TIMES = (
    table(
        "Certificates expire",
        "s",
        "Time that is left, the shortest first.",
        f"sort({CERTIFICATE % 'expiration'} - time())",
        {**COLUMNS, "Value": "Expires in"},
        limits=Limits(21 * 86400, 7 * 86400, low=True),
        runbook="CertificateNotRenewed",
    ),
    table(
        "Certificates are renewed",
        "s",
        "Time until cert-manager renews each, the next first. A negative time is an overdue renewal.",
        f"sort({CERTIFICATE % 'renewal'} - time())",
        {**COLUMNS, "Value": "Renewed in"},
        limits=Limits(0, -2 * 86400, low=True),
        runbook="CertificateNotRenewed",
    ),
    table(
        "Credentials expire",
        "s",
        "What the program made and only an update renews: the internal CA and the logins to Entra.",
        "sort(min by (what) (platform_expires_timestamp_seconds < +Inf) - time())",
        {"what": "Credential", "Value": "Expires in"},
        limits=Limits(45 * 86400, 14 * 86400, low=True),
        runbook="CredentialExpiring",
    ),
    graph(
        "Certificates that are ready",
        "short",
        "Ready certificates, and all of them. A gap in time is a new host.",
        Query(f"sum(max by (namespace, name) ({READY}))", "ready"),
        Query(f"count(max by (namespace, name) ({READY}))", "all"),
        runbook="CertificateNotReady",
    ),
)
DASHBOARD = Dashboard(
    "expiry",
    "Certificates and expiries",
    "What expires, and when.",
    (Row("Is it well?", WELL), Row("When", TIMES)),
    since="now-7d",
)
