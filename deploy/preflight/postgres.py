"""Checks of PostgreSQL in the region: what the subscription may create there differs by day and offer.

The feature names are those that az itself looks for (github.com/Azure/azure-cli, module postgresql,
flexible_server_location_capabilities_util.py).
"""

from typing import Any

from deploy.preflight.question import Answers, Question

REGION = "set platform:azure location to another region"
ACCESS = "or request access: portal, Help + support, Service and subscription limits (quotas)"


def server(q: Question) -> Answers:
    """The region offers the server: version, size, standby, geo-redundant backup."""
    chosen, place = q.settings.database, q.location
    if chosen.existing:
        return
    answer = q.az("postgres", "flexible-server", "list-skus", "--location", place) or [{}]
    found = answer[0]
    features = {each["name"]: each["status"] == "Enabled" for each in found.get("supportedFeatures") or ()}
    versions = {each["name"] for each in found.get("supportedServerVersions") or ()}
    sizes = {
        size["name"]: size
        for edition in found.get("supportedServerEditions") or ()
        for size in edition["supportedServerSkus"]
    }
    closed = features.get("OfferRestricted") or found.get("restricted") == "Enabled" or not versions
    seen = found.get("reason") or "the subscription may not create servers there"
    yield f"PostgreSQL in {place}", not closed, seen, f"{REGION}, {ACCESS}"
    if closed:
        return
    for what, key, wanted, offered in (
        ("version", "version", chosen.version, versions),
        ("size", "sku", chosen.sku, set(sizes)),
    ):
        seen = f"{place} offers {', '.join(sorted(offered)) or 'none'}"
        yield (
            f"PostgreSQL {what} {wanted}",
            wanted in offered,
            seen,
            f"set platform:database {key} to one of these",
        )
    mode = chosen.high_availability
    if mode != "Disabled":
        met = mode in standbys(sizes.get(chosen.sku, {}), zonal=features.get("ZoneRedundantHa", False))
        seen = f"{place} does not give this subscription a {mode} standby for {chosen.sku}"
        other = "SameZone" if mode == "ZoneRedundant" else "Disabled"
        remedy = f"set platform:database highAvailability to {other}, or {REGION}, {ACCESS}"
        yield f"PostgreSQL standby {mode}", met, seen, remedy
    if chosen.geo_redundant_backup:
        pair = "ZoneRedundantHaAndGeoBackup" if mode == "ZoneRedundant" else "GeoBackup"
        met = features.get("GeoBackup", False) and features.get(pair, True)
        seen = f"{place} does not give this subscription geo-redundant backups"
        remedy = f"set platform:database geoRedundantBackup to false (it cannot change later), or {REGION}"
        yield "PostgreSQL geo-redundant backup", met, seen, remedy


def standbys(size: Any, *, zonal: bool) -> set[str]:
    """The kinds of standby for a size. The region's feature decides if the size names none."""
    named = set(size.get("supportedHaMode") or ("SameZone", "ZoneRedundant"))
    return named if zonal else named - {"ZoneRedundant"}
