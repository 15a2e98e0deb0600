"""Recovery keys in Key Vault, against a stub of Entra and Key Vault."""

import pytest

from tests.support.job_scripts import Script, answer_by

HAS = "import key_vault_secret as k; print(k.KeyVaultSecret().has({'generation': 'a', 'state': 'stored'}))"
WRITE = "import key_vault_secret as k; k.KeyVaultSecret().write('the-keys', {'generation': 'a'})"
STORED = {"tags": {"generation": "a", "state": "stored", "by": "vault-init"}, "attributes": {"enabled": True}}
OTHER = {"tags": {"generation": "b", "state": "stored"}, "attributes": {"enabled": True}}
OFF = STORED | {"attributes": {"enabled": False}}
UNTAGGED = {"attributes": {"enabled": True}}
ASSERTION = "a-token-of-the-service-account"


@pytest.fixture
def world():
    return {"pages": [[]], "delays": 0, "put": []}


@pytest.fixture
def job(world, tmp_path, httpserver):
    url = httpserver.url_for("")

    def answer(request):
        if world["delays"]:  # until the identity has propagated in Azure
            world["delays"] -= 1
            return (401, 403)[world["delays"] % 2], {"error": "not yet"}
        if request.path == "/tenant/oauth2/v2.0/token":
            assert request.form["client_assertion"] == ASSERTION
            return 200, {"access_token": "for-key-vault"}
        assert request.headers["Authorization"] == "Bearer for-key-vault"
        assert request.args["api-version"]
        if request.method == "PUT":
            world["put"].append((request.path, request.get_json()))
            return 200, {}
        page = int(request.args.get("page", 0))
        more = f"{url}/secrets/keys/versions?api-version=7.4&page={page + 1}"
        last = page + 1 == len(world["pages"])
        return 200, {"value": world["pages"][page], "nextLink": None if last else more}

    answer_by(httpserver, answer)
    yield Script(
        "key_vault_secret.py",
        tmp_path,
        {"token": ASSERTION},
        KEY_VAULT_URL=url,
        KEY_VAULT_SECRET="keys",
        AZURE_AUTHORITY_HOST=url,
        AZURE_FEDERATED_TOKEN_FILE=str(tmp_path / "token"),
        AZURE_CLIENT_ID="client",
        AZURE_TENANT_ID="tenant",
    )
    httpserver.check()


@pytest.mark.parametrize(
    ("pages", "has"),
    [
        ([[]], "False"),
        ([[OTHER, UNTAGGED, STORED]], "True"),
        ([[OTHER], [UNTAGGED], [STORED]], "True"),
        ([[OTHER], [OFF]], "False"),
    ],
)
def test_enabled_versions_with_the_tags_are_found_on_every_page(job, world, pages, has):
    world["pages"] = pages
    done = job(code=HAS)
    assert (done.stdout, done.returncode) == (f"{has}\n", 0), done.stderr


def test_a_write_adds_a_version_with_its_tags(job, world):
    assert job(code=WRITE).returncode == 0
    assert world["put"] == [("/secrets/keys", {"value": "the-keys", "tags": {"generation": "a"}})]


def test_it_waits_for_the_role_assignment(job, world):
    world["delays"] = 4
    assert job(code=WRITE).returncode == 0
    assert len(world["put"]) == 1


def test_a_missing_role_is_an_error_without_the_keys(job, world):
    world["delays"] = 10**6
    done = job(code=WRITE, PATIENCE_SECONDS="10")
    assert done.returncode == 1
    assert "answers 40" in done.stdout
    assert "the-keys" not in done.stdout + done.stderr
