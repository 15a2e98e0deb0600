"""Creates Elasticsearch's data streams and updates their retention and replicas. Idempotent.

Environment: ELASTICSEARCH_URL, REPLICAS, and RETENTION (a JSON object: data stream → retention). Secrets:
username, password. Standard library only.
"""

import base64
import json
import os
from typing import Any

from calls import RefusedError, Server, say, secret, trust

UNAUTHORIZED = 401
"""Status until Elasticsearch has reloaded its users file."""
BAD_REQUEST = 400
FLATTENED = {"type": "flattened", "ignore_above": 8191}
"""One field for a whole object: programs' keys can neither conflict nor make the mapping grow."""


def template(stream: str, replicas: int, retention: str) -> dict[str, Any]:
    return {
        "index_patterns": [stream],
        "data_stream": {},
        "priority": 500,
        "template": {
            "settings": {"number_of_shards": 1, "number_of_replicas": replicas},
            "lifecycle": {"data_retention": retention},
            "mappings": {
                "dynamic_templates": [
                    {
                        "strings": {
                            "match_mapping_type": "string",
                            "mapping": {"type": "keyword", "ignore_above": 1024},
                        }
                    }
                ],
                "properties": {
                    "@timestamp": {"type": "date"},
                    "log": {"type": "text"},
                    "fields": FLATTENED,
                    "kubernetes": {"properties": {"labels": FLATTENED}},
                },
            },
        },
    }


def main() -> None:
    url = os.environ["ELASTICSEARCH_URL"]
    login = base64.b64encode(f"{secret('username')}:{secret('password')}".encode()).decode()
    server = Server(url, {"Authorization": f"Basic {login}"}, trust(url))
    replicas = int(os.environ["REPLICAS"])
    for stream, retention in json.loads(os.environ["RETENTION"]).items():
        body = template(stream, replicas, retention)
        server.call("PUT", f"/_index_template/{stream}", body, also=(UNAUTHORIZED,))
        try:
            server.call("PUT", f"/_data_stream/{stream}")
            say(f"data stream {stream}: created")
        except RefusedError as error:
            if error.status != BAD_REQUEST or "resource_already_exists" not in str(error):
                raise
        # The template applies to new indices only.
        server.call("PUT", f"/_data_stream/{stream}/_lifecycle", {"data_retention": retention})
        server.call("PUT", f"/{stream}/_settings", {"index.number_of_replicas": replicas})
        say(f"data stream {stream}: retention {retention}, {replicas} replicas")


if __name__ == "__main__":
    main()
