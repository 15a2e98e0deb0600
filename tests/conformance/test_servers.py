"""The servers of these tests have the properties that the tests rely on."""


def test_the_api_server_has_the_minor_version_of_the_stacks(kube):
    found = kube("GET", "/version").json()
    assert (found["major"], found["minor"]) == ("1", "36")


def test_the_api_server_enforces_pod_security(kube):
    level = {"pod-security.kubernetes.io/enforce": "baseline"}
    kube("POST", "/api/v1/namespaces", {"metadata": {"name": "guarded", "labels": level}})
    pod = {
        "metadata": {"name": "strong"},
        "spec": {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": True}}]},
    }
    answer = kube("POST", "/api/v1/namespaces/guarded/pods", pod, dryRun="All")
    assert "violates PodSecurity" in answer.json()["message"]


def test_vault_unseals_itself_after_its_initialisation(vault_server):
    status = vault_server.call("GET", "sys/seal-status")
    assert (status["type"], status["initialized"], status["sealed"]) == ("transit", False, True)
    made = vault_server.call("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
    assert made["recovery_keys"]
    assert not vault_server.call("GET", "sys/seal-status")["sealed"]


def test_the_database_accepts_tls_connections(database_server):
    asked = database_server.psql("-c", "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    assert asked.stdout == "t\n", asked.stderr
