"""Updates InfluxDB's bucket, its retention and its users. Idempotent.

InfluxDB's own setup runs only once, on an empty disk. The users are those of the version 1 API, because their
passwords can be chosen. Environment: INFLUXDB_URL, ORGANIZATION, BUCKET, RETENTION_SECONDS. Secrets:
admin-token, and the password of each user under the user's name. Standard library only.
"""

import os
from typing import Any
from urllib.parse import urlencode

from calls import REFUSED, Server, say, secret, trust

USERS = {"telegraf": "write", "grafana": "read"}
AUTHORIZATIONS = "/private/legacy/authorizations"
"""The API behind `influx v1 auth`."""


def main() -> None:
    url = os.environ["INFLUXDB_URL"]
    server = Server(url, {"Authorization": f"Token {secret('admin-token')}"}, trust(url))
    organization = find(server, "orgs", os.environ["ORGANIZATION"])
    if organization is None:
        say(
            f"InfluxDB has no organization {os.environ['ORGANIZATION']}. It cannot be renamed: set "
            "monitoring.influxdb.organization to the name it was created with"
        )
        raise SystemExit(REFUSED)
    bucket = set_retention(server, organization, os.environ["BUCKET"], int(os.environ["RETENTION_SECONDS"]))
    map_database(server, organization, bucket)
    for name, action in USERS.items():
        allow(server, organization, bucket, name, action)
    say("done")


def find(server: Server, resource: str, name: str, **filters: str) -> Any:
    """Id of an organization or a bucket; None if it does not exist."""
    key = {"orgs": "org", "buckets": "name"}[resource]
    query = urlencode({key: name, **filters})
    answer = server.found("GET", f"/api/v2/{resource}?{query}") or {resource: []}
    found = [each["id"] for each in answer[resource] if each["name"] == name]
    return found[0] if found else None


def set_retention(server: Server, organization: str, name: str, seconds: int) -> Any:
    """Create or update the bucket, and return its id."""
    rules = [{"type": "expire", "everySeconds": seconds}]
    bucket = find(server, "buckets", name, orgID=organization)
    if bucket is None:
        body = {"orgID": organization, "name": name, "retentionRules": rules}
        bucket = server.call("POST", "/api/v2/buckets", body)["id"]
        say(f"bucket {name}: created")
        return bucket
    server.call("PATCH", f"/api/v2/buckets/{bucket}", {"retentionRules": rules})
    return bucket


def map_database(server: Server, organization: str, bucket: str) -> None:
    """Map the bucket to a database name of the version 1 API, unless it has one."""
    query = urlencode({"orgID": organization, "bucketID": bucket})
    if not server.call("GET", f"/api/v2/dbrps?{query}")["content"]:
        mapping = {
            "orgID": organization,
            "bucketID": bucket,
            "database": os.environ["BUCKET"],
            "retention_policy": "autogen",
            "default": True,
        }
        server.call("POST", "/api/v2/dbrps", mapping)


def allow(server: Server, organization: str, bucket: str, name: str, action: str) -> None:
    """Create or update a user whose only permission is `action` on the bucket."""
    known = server.call("GET", f"{AUTHORIZATIONS}?{urlencode({'orgID': organization})}")["authorizations"]
    wanted = {"action": action, "type": "buckets", "id": bucket}
    user = None
    for each in known:
        if each["token"] == name:
            granted = [{"action": p["action"], **p["resource"]} for p in each["permissions"]]
            if len(granted) == 1 and wanted.items() <= granted[0].items():
                user = each["id"]
            else:
                server.call("DELETE", f"{AUTHORIZATIONS}/{each['id']}")
                say(f"user {name}: deleted because of other permissions")
    if user is None:
        resource = {"type": "buckets", "id": bucket, "orgID": organization}
        body = {
            "token": name,
            "orgID": organization,
            "description": f"{name}, managed by Pulumi",
            "permissions": [{"action": action, "resource": resource}],
        }
        user = server.call("POST", AUTHORIZATIONS, body)["id"]
        say(f"user {name}: created with the permission to {action}")
    server.call("POST", f"{AUTHORIZATIONS}/{user}/password", {"password": secret(name)})


if __name__ == "__main__":
    main()
