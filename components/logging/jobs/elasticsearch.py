"""Brings Elasticsearch's data streams to what the stack says: how they are kept, and for how long.

It runs whenever something of it changes, and twice does no harm. Environment: ELASTICSEARCH_URL, COPIES, and
STREAMS, which has how long each is kept, as JSON. Secrets: username, password.
"""

import base64
import json
import os
from typing import Any

from calls import RefusedError, Server, say, secret, trust

UNAUTHORIZED = 401
"""Until Elasticsearch has read its users anew."""
EXISTS = 400
FLATTENED = {"type": "flattened", "ignore_above": 8191}
"""One field, whatever is in it: programs' own words neither clash nor pile up in the cluster's state."""


def template(stream: str, copies: int, kept: str) -> dict[str, Any]:
    return {
        "index_patterns": [stream],
        "data_stream": {},
        "priority": 500,
        "template": {
            "settings": {"number_of_shards": 1, "number_of_replicas": copies},
            "lifecycle": {"data_retention": kept},
            "mappings": {
                "dynamic_templates": [
                    {
                        "words": {
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
    copies = int(os.environ["COPIES"])
    for stream, kept in json.loads(os.environ["STREAMS"]).items():
        body = template(stream, copies, kept)
        server.call("PUT", f"/_index_template/{stream}", body, also=(UNAUTHORIZED,))
        try:
            server.call("PUT", f"/_data_stream/{stream}")
            say(f"made {stream}")
        except RefusedError as error:
            if error.status != EXISTS or "resource_already_exists" not in str(error):
                raise
        # The template is for new ones.
        server.call("PUT", f"/_data_stream/{stream}/_lifecycle", {"data_retention": kept})
        server.call("PUT", f"/{stream}/_settings", {"index.number_of_replicas": copies})
        say(f"{stream} is kept for {kept}, with {copies} copies")


if __name__ == "__main__":
    main()
