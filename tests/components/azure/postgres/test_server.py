"""The database: contents, access, and effects of changes."""

import datetime as dt
import hashlib
import shutil
import ssl

import pulumi
import pydantic
import pytest

from components.azure.postgres.ca_certificates import ROOTS, postgres_roots
from components.azure.postgres.server import Database
from components.azure.postgres.settings import DatabaseSettings
from components.azure.resource_groups import AzureContext
from tests.support.recorder import PASSWORD, ROOT, SECRET

PG = "azure-native:dbforpostgresql:"
PLACE = AzureContext("stateful", "westeurope", {"environment": "test"}, protected=True)
PEM = ROOT / "components" / "azure" / "postgres" / "azure-postgres-roots.pem"


def made(run, keep=None, **changes):
    settings = DatabaseSettings.model_validate(changes)

    def program():
        database = Database(
            "database",
            settings,
            database="concourse-test",
            context=PLACE,
            group="/subscriptions/s/resourceGroups/stateful",
            subnet="subnet",
            zone="zone",
            clients=["20.50.0.1", "20.50.0.2"],
        )
        if keep is not None:
            keep.append(database)
            pulumi.Output.all(database.server.host).apply(keep.extend)

    return run(program)


@pytest.fixture
def recorded(run):
    return made(run)


@pytest.fixture
def server(recorded):
    return recorded.one(f"{PG}Server")


def test_tls_is_required_and_concourses_extension_is_allowed(recorded):
    parameters = recorded.of_type(f"{PG}Configuration")
    assert {p.inputs["configurationName"]: p.inputs["value"] for p in parameters} == {
        "require_secure_transport": "on",
        "ssl_min_protocol_version": "TLSv1.2",
        "azure.extensions": "PGCRYPTO",
    }
    assert {p.inputs["source"] for p in parameters} == {"user-override"}


@pytest.mark.parametrize("access", ["private", "public"])
def test_the_servers_contents_are_created_one_at_a_time(run, access):
    """Azure rejects a concurrent operation with ServerIsBusy, and the provider does not retry."""
    recorded = made(run, access=access)
    inside = [r for r in recorded.resources if r.type.startswith(PG) and not r.type.endswith("Server")]
    urns = {r.urn for r in inside}
    waits = {r.urn: urns & set(r.options.get("dependencies", [])) for r in inside}
    first = [urn for urn, before in waits.items() if not before]
    assert len(first) == 1
    assert all(len(before) <= 1 for before in waits.values())
    assert len({urn for before in waits.values() for urn in before}) == len(inside) - 1, "a chain"


def test_a_private_server_is_only_in_the_subnet(recorded, server):
    assert server.inputs["network"] == {
        "delegatedSubnetResourceId": "subnet",
        "privateDnsZoneArmResourceId": "zone",
        "publicNetworkAccess": "Disabled",
    }
    assert recorded.of_type(f"{PG}FirewallRule") == []


def test_a_public_server_admits_only_the_stacks_egress_addresses(run):
    recorded = made(run, access="public")
    assert recorded.one(f"{PG}Server").inputs["network"] == {"publicNetworkAccess": "Enabled"}
    rules = recorded.of_type(f"{PG}FirewallRule")
    ranges = {(rule.inputs["startIpAddress"], rule.inputs["endIpAddress"]) for rule in rules}
    assert ranges == {("20.50.0.1", "20.50.0.1"), ("20.50.0.2", "20.50.0.2")}


def test_the_defaults_suit_production(server):
    assert server.inputs["highAvailability"]["mode"] == "ZoneRedundant"
    assert server.inputs["backup"] == {"backupRetentionDays": 35.0, "geoRedundantBackup": "Enabled"}
    assert server.inputs["sku"] == {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}
    assert server.inputs["version"] == "17"


@pytest.mark.parametrize(("day", "number"), [("Sunday", 0), ("Monday", 1), ("Saturday", 6)])
def test_the_maintenance_window_is_on_the_configured_day(run, day, number):
    window = (
        made(run, maintenance={"day": day, "startHour": 3}).one(f"{PG}Server").inputs["maintenanceWindow"]
    )
    assert (window["dayOfWeek"], window["startHour"], window["customWindow"]) == (number, 3, "Enabled")


def test_an_update_does_not_undo_a_failover(server):
    assert "availabilityZone" in server.options["ignoreChanges"]
    assert "highAvailability.standbyAvailabilityZone" in server.options["ignoreChanges"]


def test_azure_manages_the_storage_size_with_auto_grow(run, server):
    assert "storage.storageSizeGB" in server.options["ignoreChanges"]
    fixed = made(run, autoGrow=False).one(f"{PG}Server")
    assert "storage.storageSizeGB" not in fixed.options["ignoreChanges"]
    assert fixed.inputs["storage"]["autoGrow"] == "Disabled"


def test_another_subnet_replaces_the_server(server):
    assert server.options["replaceOnChanges"] == ["network.delegatedSubnetResourceId"]
    assert server.options["protect"] is True


def test_the_servers_name_is_generated(server):
    """With a fixed name, a replacement would have to start with the deletion."""
    assert "serverName" not in server.inputs


def test_the_database_has_the_given_name_and_is_protected(recorded):
    database = recorded.one(f"{PG}Database")
    assert database.inputs["databaseName"] == "concourse-test"
    assert database.options["protect"] is True


def test_the_password_is_generated_and_secret(recorded, server):
    assert server.inputs["administratorLoginPassword"][SECRET]
    assert server.inputs["administratorLoginPassword"]["value"] == PASSWORD


def test_the_password_meets_azures_rules_and_changes_with_rotation(run):
    """At least three kinds of characters. Symbols would have to be escaped in connection strings."""
    password = made(run, rotation="2027-01").one("random:index/randomPassword:RandomPassword").inputs
    assert password["length"] == 32
    assert password["minLower"] == password["minUpper"] == password["minNumeric"] == 1
    assert password["special"] is False
    assert password["keepers"] == {"rotation": "2027-01"}


def test_the_host_is_the_name_in_the_servers_certificate(run):
    kept = []
    made(run, keep=kept)
    database, found = kept
    assert found == "database.postgres.database.azure.com"
    assert (database.server.name, database.server.administrator, database.server.ssl_mode) == (
        "concourse-test",
        "concourseadmin",
        "verify-ca",
    )
    assert database.server.ca_certificates == postgres_roots()


def certificates():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=postgres_roots())
    return context.get_ca_certs()


def test_the_roots_are_the_two_that_microsoft_publishes():
    names = {dict(part[0] for part in found["subject"])["commonName"] for found in certificates()}
    assert names == {"DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017"}


def test_the_roots_are_valid_for_another_year():
    later = (dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=365)).timestamp()
    for found in certificates():
        assert ssl.cert_time_to_seconds(found["notAfter"]) > later, found["subject"]


def test_the_pem_file_names_the_fingerprint_of_each_certificate():
    """A reviewer compares these lines with Microsoft's list."""
    text = PEM.read_text()
    for block in text.split("-----BEGIN")[1:]:
        pem = f"-----BEGIN{block}".partition("#")[0]
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()
        assert f"# SHA-256 {fingerprint.upper()}" in text
        assert fingerprint in ROOTS


@pytest.mark.parametrize("change", [lambda text: text.partition("# Microsoft")[0], lambda text: "", None])
def test_other_sets_of_roots_are_refused(tmp_path, change):
    file = tmp_path / "roots.pem"
    shutil.copy(PEM, file)
    file.write_text(change(PEM.read_text()) if change else PEM.read_text().replace("MIID", "MIIE", 1))
    with pytest.raises(ValueError, match="must hold the two certificates"):
        postgres_roots(file)


RESTORE = {"source": "database1101afd2", "at": "2026-11-20T04:00:00+01:00"}
NEW = "database-20261120t030000z"


def test_a_restore_makes_a_second_server_with_the_moments_data_and_the_first_stays(run):
    kept = []
    recorded = made(run, kept, restores=[RESTORE])
    first, second = (recorded.named(f"{PG}Server")[name] for name in ("database", NEW))
    assert first.inputs["createMode"] == "Default"
    assert second.inputs["createMode"] == "PointInTimeRestore"
    assert second.inputs["pointInTimeUTC"] == "2026-11-20T03:00:00Z"
    assert second.inputs["sourceServerResourceId"] == (
        "/subscriptions/s/resourceGroups/stateful"
        "/providers/Microsoft.DBforPostgreSQL/flexibleServers/database1101afd2"
    )
    assert first.options["protect"]
    assert second.options["protect"]
    assert kept[1].startswith(NEW), "clients use the restored one"
    assert kept[0].server.restored


def test_a_restored_servers_database_is_not_created(run):
    """It comes with the backup, and the provider refuses to create what exists."""
    recorded = made(run, restores=[RESTORE])
    [database] = recorded.of_type(f"{PG}Database")
    assert database.name == "database"
    parameters = [p for p in recorded.of_type(f"{PG}Configuration") if p.name.startswith(NEW)]
    assert len(parameters) == 3


def test_a_restored_servers_disk_is_as_large_as_the_sources(run):
    """Azure may have enlarged the source's disk, and none can be restored to a smaller one."""
    storage = made(run, restores=[RESTORE]).named(f"{PG}Server")[NEW].inputs["storage"]
    assert storage == {"autoGrow": "Enabled"}
    storage = made(run, restores=[RESTORE], autoGrow=False).named(f"{PG}Server")[NEW].inputs["storage"]
    assert storage["storageSizeGB"] == 128


def test_the_original_goes_only_when_the_stack_file_says_so(run):
    recorded = made(run, restores=[RESTORE], keepOriginal=False)
    assert [server.name for server in recorded.of_type(f"{PG}Server")] == [NEW]
    assert recorded.of_type(f"{PG}Database") == []


def test_a_finished_restore_is_never_asked_for_again_and_replaces_nothing(run):
    """The provider updates a server with its whole request (pulumi-azure-native#3961)."""
    before, after = (
        made(run, restores=[RESTORE | {"finished": finished}]).named(f"{PG}Server")[NEW].inputs
        for finished in (False, True)
    )
    assert before | {"createMode": "Update"} == after


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"restores": [RESTORE | {"at": "2126-11-20T03:00:00Z"}]}, "at", "in the future"),
        ({"restores": [RESTORE, RESTORE]}, "restores[1].at", "the same moment"),
        ({"keepOriginal": False}, "keepOriginal", "without restores"),
    ],
)
def test_a_restore_that_cannot_be_is_refused_under_its_key(changes, key, text):
    settings = DatabaseSettings.model_validate(changes)
    models = (settings, *settings.restores)
    [problem] = [problem for model in models for check in model.rules() for problem in check()]
    assert problem.key == key
    assert text in problem.text


@pytest.mark.parametrize("at", ["2026-11-20T03:00:00", "yesterday"])
def test_a_moment_without_a_time_zone_is_refused(at):
    with pytest.raises(pydantic.ValidationError, match=r"restores\.0\.at"):
        DatabaseSettings.model_validate({"restores": [RESTORE | {"at": at}]})


def test_a_moment_may_be_written_without_quotes():
    """YAML reads it as a date, and Pulumi writes it as Go does."""
    at = "2026-11-20 03:00:00 +0000 UTC"
    [restore] = DatabaseSettings.model_validate({"restores": [RESTORE | {"at": at}]}).restores
    assert restore.suffix == "20261120t030000z"
