"""Brings InfluxDB to what the stack says: how long its bucket keeps, and who reads and writes it.

InfluxDB's own set-up runs once, on an empty disk; this runs whenever something of it changes, and twice
does no harm. Users are of the kind that version 1 had: their passwords can be chosen. Nobody but this Job
has the administrator's token. Environment: INFLUXDB_URL, ORGANIZATION, BUCKET, RETENTION_SECONDS. Secrets:
admin-token, and the password of each user under the user's name.
"""

import os
from typing import Any
from urllib.parse import urlencode

from calls import REFUSED, Server, say, secret, trust

USERS = {"telegraf": "write", "grafana": "read"}
AUTHORIZATIONS = "/private/legacy/authorizations"
"""What `influx v1 auth` speaks to."""


def main() -> None:
    url = os.environ["INFLUXDB_URL"]
    server = Server(url, {"Authorization": f"Token {secret('admin-token')}"}, trust(url))
    organization = of_name(server, "orgs", os.environ["ORGANIZATION"])
    if organization is None:
        say(f"InfluxDB has no organisation {os.environ['ORGANIZATION']}; its name stays what it was at first")
        raise SystemExit(REFUSED)
    bucket = keep(server, organization, os.environ["BUCKET"], int(os.environ["RETENTION_SECONDS"]))
    map_database(server, organization, bucket)
    for name, action in USERS.items():
        allow(server, organization, bucket, name, action)
    say("InfluxDB is as the stack says")


def of_name(server: Server, kind: str, name: str, **also: str) -> Any:
    """Id of an organisation or a bucket; None if there is none."""
    key = {"orgs": "org", "buckets": "name"}[kind]
    answer = server.found("GET", f"/api/v2/{kind}?{urlencode({key: name, **also})}") or {kind: []}
    found = [each["id"] for each in answer[kind] if each["name"] == name]
    return found[0] if found else None


def keep(server: Server, organization: str, name: str, seconds: int) -> Any:
    """Id of the bucket, which keeps what is in it for so many seconds."""
    rules = [{"type": "expire", "everySeconds": seconds}]
    bucket = of_name(server, "buckets", name, orgID=organization)
    if bucket is None:
        made = server.call(
            "POST", "/api/v2/buckets", {"orgID": organization, "name": name, "retentionRules": rules}
        )
        say(f"made bucket {name}")
        return made["id"]
    server.call("PATCH", f"/api/v2/buckets/{bucket}", {"retentionRules": rules})
    return bucket


def map_database(server: Server, organization: str, bucket: str) -> None:
    """Give the bucket the name by which version 1's way of speaking finds it, unless it has one."""
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
    """A user who may do one thing with one bucket."""
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
                say(f"{name} had other rights")
    if user is None:
        resource = {"type": "buckets", "id": bucket, "orgID": organization}
        body = {
            "token": name,
            "orgID": organization,
            "description": f"{name}, made by the platform",
            "permissions": [{"action": action, "resource": resource}],
        }
        user = server.call("POST", AUTHORIZATIONS, body)["id"]
        say(f"made user {name}, who may {action}")
    server.call("POST", f"{AUTHORIZATIONS}/{user}/password", {"password": secret(name)})


if __name__ == "__main__":
    main()
