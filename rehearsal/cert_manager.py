"""What cert-manager does with issuers and certificates."""

from collections.abc import Iterator
from typing import Any

from rehearsal.azure import holds
from rehearsal.cluster_objects import exists, get, place, refused, where
from rehearsal.resource_types import Call, Props, find

DNS_ZONE_CONTRIBUTOR = "befefa01-2a29-4197-83a8-272ff33ce314"
NAMESPACE = "cert-manager"
"""Where a ClusterIssuer's Secrets are."""
WAIT = "pulumi.com/waitFor"


def issuer_works(call: Call) -> None:
    """An issuer is taken as it is, and says only in its status that it cannot issue anything."""
    namespace = call.get("metadata.namespace") or NAMESPACE
    for secret in find(call.inputs, "spec.ca.secretName"):
        if not exists(call, "Secret", secret, namespace):
            refused(call, "ErrGetKeyPair", "Secret", secret)
    for solver in find(call.inputs, "spec.acme.solvers.*.dns01.azureDNS"):
        _may_write(call, solver)


def _may_write(call: Call, solver: Props) -> None:
    group = f"/subscriptions/{solver.get('subscriptionID')}/resourceGroups/{solver.get('resourceGroupName')}"
    zone = f"{group}/providers/Microsoft.Network/dnsZones/{solver.get('hostedZoneName')}"
    if call.cloud.get(zone) is None:
        call.refuse("DnsZoneNotFound", f"{zone} does not exist")
    client = next(find(solver, "managedIdentity.clientID"), None)
    for identity in call.cloud.all("azure-native:managedidentity:UserAssignedIdentity"):
        if identity["outputs"]["clientId"] == client:
            if not holds(call.cloud, identity["outputs"]["principalId"], DNS_ZONE_CONTRIBUTOR, zone):
                call.refuse("AuthorizationFailed", f"{client} may not write records of {zone}")
            return
    call.refuse("AADSTS700016", f"there is no identity with the client id {client}")


def certificate(call: Call) -> Props:
    """A certificate that can be issued makes its Secret at once."""
    reason = obstacle(call)
    if not reason:
        root, namespace = where(call)
        secret = call.inputs["spec"]["secretName"]
        key, type_ = place(root, ":Secret", f"{namespace}/{secret}"), "kubernetes:core/v1:Secret"
        data = dict.fromkeys(("tls.crt", "tls.key", "ca.crt"), "sha256:made by cert-manager")
        if call.cloud.get(key) is None:
            call.cloud.put(
                key, type_, {"metadata": {"name": secret, "namespace": namespace}, "data": data}, {}
            )
    ready: Props = {"type": "Ready", "status": "False" if reason else "True", "reason": reason or "Ready"}
    return {"metadata": call.inputs["metadata"], "status": {"conditions": [ready]}}


def issued(call: Call) -> str:
    """Pulumi waits for a certificate that says so; one that does not is taken as it is."""
    found = call.cloud.get(call.id)
    waits = WAIT in (call.get("metadata.annotations") or {})
    return next((c["reason"] for c in _conditions(found) if c["status"] != "True" and waits), "")


def _conditions(found: dict[str, Any] | None) -> Iterator[Props]:
    yield from found["outputs"]["status"]["conditions"] if found else ()


def obstacle(call: Call) -> str:
    """Why no certificate is issued, "" if one is."""
    reference = call.inputs["spec"]["issuerRef"]
    kind, name = reference.get("kind", "Issuer"), reference["name"]
    issuer = get(call, kind, name)
    if issuer is None:
        return f'Referenced "{kind}" not found: {name}'
    if fault := call.cloud.fault(call.id):
        return fault
    hosts = call.inputs["spec"].get("dnsNames") or []
    solvers = list(find(issuer["inputs"], "spec.acme.solvers.*"))
    missing = [
        host for host in hosts if solvers and not any(_solved(call, host, solver) for solver in solvers)
    ]
    return f"Waiting for propagation: {', '.join(missing)} cannot be proved" if missing else ""


def _solved(call: Call, host: str, solver: Props) -> bool:
    for zone in find(solver, "dns01.azureDNS.hostedZoneName"):
        if host == zone or host.endswith("." + zone):
            return True
    return "http01" in solver and bool(address_of(call, host))


def address_of(call: Call, host: str) -> str:
    """The address that the internet finds a host at, by a record of its own or a zone's `*`."""
    host = host.removeprefix("*.")
    for record in call.cloud.all("azure-native:dns:RecordSet"):
        inputs = record["inputs"]
        label, zone = inputs.get("relativeRecordSetName"), inputs.get("zoneName")
        full = zone if label == "@" else f"{label}.{zone}"
        same = host == full or (label == "*" and host.endswith(f".{zone}"))
        if same and inputs.get("recordType") == "A":
            addresses = list(find(inputs, "aRecords.*.ipv4Address"))
            target = call.cloud.get(next(find(inputs, "targetResource.id"), ""))
            return str((addresses or [target and target["outputs"].get("ipAddress")])[0] or "")
    return ""
