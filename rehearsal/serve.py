"""Assembles the simulated clouds of one stack and serves them to the engine."""

import json
import re
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from rehearsal import azure, brought, entra, kubernetes, vault
from rehearsal import random_and_tls as generated
from rehearsal.provider import Provider
from rehearsal.store import Store

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LARGEST = 400 * 1024 * 1024
"""Maximum message size in bytes, the same as the engine's."""


def providers_of(store: Store) -> dict[str, Provider]:
    """The simulated provider of each package."""
    every = (
        azure.ResourceManager("azure-native", azure.RESOURCE_TYPES, store, azure.INVOKES, azure.subscribed),
        Provider("azuread", entra.RESOURCE_TYPES, store),
        generated.Generator("random", generated.RANDOM, store),
        generated.Generator("tls", generated.TLS, store),
        vault.Vault("vault", vault.RESOURCE_TYPES, store),
        kubernetes.Cluster(
            "kubernetes", kubernetes.RESOURCE_TYPES, store,
            configure=kubernetes.reachable, replaced_by=kubernetes.another_cluster),
    )  # fmt: skip
    return {provider.package: provider for provider in every}


def preconditions(store: Store, config: dict[str, Any]) -> None:
    """Create what must exist before the first `up`, according to the stack file (docs/getting-started.md)."""
    config = brought.spelled(config)
    place = config.get("platform:azure", {})
    given: dict[str, dict[str, Any]] = {f"/subscriptions/{place.get('subscriptionId')}": {}}
    groups = config.get("platform:cluster", {}).get("adminGroupObjectIds", [])
    named = set(GUID.findall(json.dumps([config.get(f"platform:{key}") for key in ("entra", "teams")])))
    owners = config.get("platform:entra", {}).get("owners", [])
    given |= {f"/servicePrincipals/{owner}": {} for owner in owners}
    others = sorted(named - {*groups} - {*owners})
    given |= {f"/groups/{group}": {"displayName": f"group {group}"} for group in others}
    given |= {f"/groups/{group}": {"displayName": "deployers"} for group in groups}
    names = config.get("platform:dns", {})
    if zone := names.get("zoneId") or names.get("parentZoneId"):
        parts = zone.split("/")
        given |= {"/".join(parts[:end]): {} for end in (3, 5, len(parts))}
    deployers = config.get("platform:deployers") or {"stacks": []}
    given |= {f"/subscriptions/{each['subscriptionId']}": {} for each in deployers["stacks"]}
    given |= {deployers[key]: {} for key in ("stateContainer", "stateKey") if key in deployers}
    given["/caller"] = {
        "name": "deployer",
        "objectId": next(iter(owners), store.guid("deployer")), "clientId": store.guid("client"),
        "tenantId": place.get("tenantId"), "subscriptionId": place.get("subscriptionId"), "groups": groups,
        "roles": ["Contributor", "Role Based Access Control Administrator"],
        "graph": [
            "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All",
            "Directory.Read.All", "Group.ReadWrite.All",
        ],
    }  # fmt: skip
    for id_, (inputs, outputs) in brought.given(config).items():
        if store.get(id_) is None:
            store.put(id_, "given", inputs, outputs)
    for id_, inputs in given.items():
        found = store.get(id_)
        # The caller always follows the program: the folder of an older program has other permissions.
        if found is None or (id_ == "/caller" and found["inputs"] != inputs):
            store.put(id_, "given", inputs, {})


async def serve(providers: dict[str, Provider]) -> dict[str, int]:
    """Serve each provider on a loopback port of its own; returns the ports.

    (grpc's aio server: the engine considers the threaded one not started.)
    """
    ports = {}
    for name, servicer in providers.items():
        limits = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST)]
        server = grpc.aio.server(options=limits)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        ports[name] = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        SERVERS.append(server)
    return ports


SERVERS: list[grpc.aio.Server] = []
"""A reference to each server, since one without references stops."""
