"""The servers of these tests are what they are taken for."""


def test_the_api_server_is_of_the_minor_version_that_the_stacks_name(kube):
    found = kube("GET", "/version").json()
    assert (found["major"], found["minor"]) == ("1", "36")


def test_a_pod_that_its_namespace_does_not_allow_is_refused(kube):
    level = {"pod-security.kubernetes.io/enforce": "baseline"}
    kube("POST", "/api/v1/namespaces", {"metadata": {"name": "guarded", "labels": level}})
    pod = {
        "metadata": {"name": "strong"},
        "spec": {"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": True}}]},
    }
    answer = kube("POST", "/api/v1/namespaces/guarded/pods", pod, dryRun="All")
    assert "violates PodSecurity" in answer.json()["message"]


def test_a_vault_unseals_by_itself_once_it_is_initialised(vault_server):
    status = vault_server.call("GET", "sys/seal-status")
    assert (status["type"], status["initialized"], status["sealed"]) == ("transit", False, True)
    made = vault_server.call("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
    assert made["recovery_keys"]
    assert not vault_server.call("GET", "sys/seal-status")["sealed"]


def test_the_database_answers_over_tls(database_server):
    asked = database_server.psql("-c", "select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    assert asked.stdout == "t\n", asked.stderr
