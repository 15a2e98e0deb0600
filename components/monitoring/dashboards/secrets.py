"""Vault, Consul and their backups."""

from components.monitoring.dashboards.panels import THIRD, Dashboard, Limits, Query, Row, graph, stat

WELL = (
    stat(
        "Vault",
        "none",
        "Whether a node is active. Without one, builds get no secrets.",
        "max(vault_core_active) or vector(0)",
        names={0: "down", 1: "active"},
        limits=Limits(1, 1, low=True),
        width=4,
        runbook="VaultNoActiveNode",
    ),
    stat(
        "Sealed pods",
        "short",
        "Pods of Vault that have not unsealed themselves with the key in Key Vault.",
        'count(max by (pod) (kube_pod_labels{namespace="vault", label_vault_sealed="true"})) or vector(0)',
        limits=Limits(1, 1),
        width=4,
        runbook="VaultSealed",
    ),
    stat(
        "Consul",
        "none",
        "Whether the leader reports all servers as healthy. Servers without the lead report nothing.",
        "max(consul_autopilot_healthy == 1) or vector(0)",
        names={0: "unhealthy", 1: "healthy"},
        limits=Limits(1, 1, low=True),
        width=4,
        runbook="ConsulUnhealthy",
    ),
    stat(
        "Servers to spare",
        "short",
        "Servers that Consul can lose before it stops, and Vault with it.",
        "max(consul_autopilot_failure_tolerance >= 0) or vector(0)",
        limits=Limits(1, low=True),
        width=4,
        runbook="ConsulNoFailureTolerance",
    ),
    stat(
        "Oldest backup",
        "s",
        "Age of the last successful backup, of the kind whose last one is oldest.",
        'max(time() - max by (cronjob) (kube_cronjob_status_last_successful_time{namespace="backup"}))',
        limits=Limits(14 * 3600, 26 * 3600),
        width=4,
        runbook="BackupTooOld",
    ),
    stat(
        "Irrevocable leases",
        "short",
        "Leases that Vault could not revoke. Their credentials may still work.",
        "max(vault_expire_num_irrevocable_leases) or vector(0)",
        limits=Limits(1),
        width=4,
        runbook="VaultLeasesNotRevoked",
    ),
)
VAULT = (
    graph(
        "Requests to Vault",
        "reqps",
        "All requests, and logins.",
        Query("sum(rate(vault_core_handle_request_count[$__rate_interval]))", "requests"),
        Query("sum(rate(vault_core_handle_login_request_count[$__rate_interval]))", "logins"),
        runbook="ConcourseVaultLoginFailing",
    ),
    graph(
        "Mean time of a request",
        "ms",
        "Above 100 ms, builds wait for their secrets. The storage below Vault is the usual cause.",
        Query(
            "sum(rate(vault_core_handle_request_sum[5m])) / sum(rate(vault_core_handle_request_count[5m]))",
            "mean",
        ),
        limits=Limits(100),
    ),
    graph(
        "Leases",
        "short",
        "Leases that will expire. A number that only grows makes Vault slow.",
        Query("max(vault_expire_num_leases)", "leases"),
        width=THIRD,
    ),
    graph(
        "Failures of the audit log",
        "cpm",
        "Requests that could not be logged. If no audit device works, Vault refuses every request.",
        Query("60 * sum(rate(vault_audit_log_request_failure[5m]))", "failures"),
        runbook="VaultAuditFailing",
        width=THIRD,
    ),
    graph(
        "Memory of Vault",
        "bytes",
        "Memory that each pod has allocated.",
        Query("max by (pod) (vault_runtime_alloc_bytes)", "{{pod}}"),
        runbook="ContainerOutOfMemory",
        width=THIRD,
    ),
)
CONSUL = (
    graph(
        "Writes to Consul",
        "wps",
        "Writes to the key-value store, which are Vault's.",
        Query("sum(rate(consul_kvs_apply_count[$__rate_interval]))", "writes"),
        width=THIRD,
    ),
    graph(
        "Mean time of a write",
        "ms",
        "Time until a majority of the servers has stored a write. Slow disks raise it.",
        Query("sum(rate(consul_kvs_apply_sum[5m])) / sum(rate(consul_kvs_apply_count[5m]))", "mean"),
        width=THIRD,
    ),
    graph(
        "Age of backups",
        "s",
        "Time since the last successful backup of each kind.",
        Query(
            'time() - max by (cronjob) (kube_cronjob_status_last_successful_time{namespace="backup"})',
            "{{cronjob}}",
        ),
        limits=Limits(14 * 3600, 26 * 3600),
        runbook="BackupTooOld",
        width=THIRD,
    ),
)
DASHBOARD = Dashboard(
    "secrets",
    "Vault and Consul",
    "Vault, the Consul that stores its data, and the backups of both.",
    (Row("Is it well?", WELL), Row("Vault", VAULT), Row("Consul and backups", CONSUL)),
    part="vault",
)
