"""cert-manager's issuers and certificates."""

from rehearsal.azure import holds
from rehearsal.cluster_objects import cluster_and_namespace, exists, get, object_key, refuse_missing
from rehearsal.properties import Props, find
from rehearsal.resource_types import Request

DNS_ZONE_CONTRIBUTOR = "befefa01-2a29-4197-83a8-272ff33ce314"
NAMESPACE = "cert-manager"
"""The namespace of a ClusterIssuer's Secrets."""
WAIT = "pulumi.com/waitFor"


def issuer_works(request: Request) -> None:
    """Refuse an issuer that cannot issue. The API accepts it, and only its status shows the error."""
    namespace = request.get("metadata.namespace") or NAMESPACE
    for secret in find(request.inputs, "spec.ca.secretName"):
        if not exists(request, "Secret", secret, namespace):
            refuse_missing(request, "ErrGetKeyPair", "Secret", secret)
    for solver in find(request.inputs, "spec.acme.solvers.*.dns01.azureDNS"):
        _may_write(request, solver)


def _may_write(request: Request, solver: Props) -> None:
    group = f"/subscriptions/{solver.get('subscriptionID')}/resourceGroups/{solver.get('resourceGroupName')}"
    zone = f"{group}/providers/Microsoft.Network/dnsZones/{solver.get('hostedZoneName')}"
    if request.store.get(zone) is None:
        request.refuse("DnsZoneNotFound", f"{zone} does not exist")
    client = next(find(solver, "managedIdentity.clientID"), None)
    for identity in request.store.all("azure-native:managedidentity:UserAssignedIdentity"):
        if identity["outputs"]["clientId"] == client:
            if not holds(request.store, identity["outputs"]["principalId"], DNS_ZONE_CONTRIBUTOR, zone):
                request.refuse("AuthorizationFailed", f"{client} may not write records of {zone}")
            return
    request.refuse("AADSTS700016", f"there is no identity with the client id {client}")


def certificate(request: Request) -> Props:
    """Issue the certificate if possible: create its Secret."""
    reason = pending_reason(request)
    if not reason:
        root, namespace = cluster_and_namespace(request.id)
        secret = request.inputs["spec"]["secretName"]
        key, type_ = object_key(root, ":Secret", f"{namespace}/{secret}"), "kubernetes:core/v1:Secret"
        data = dict.fromkeys(("tls.crt", "tls.key", "ca.crt"), "sha256:made by cert-manager")
        inputs = {"metadata": {"name": secret, "namespace": namespace}, "data": data}
        if request.store.get(key) is None:
            request.store.put(key, type_, inputs, {})
    ready: Props = {"type": "Ready", "status": "False" if reason else "True", "reason": reason or "Ready"}
    return {"metadata": request.inputs["metadata"], "status": {"conditions": [ready]}}


def certificate_unready(request: Request) -> str:
    """Why a certificate with Pulumi's `waitFor` annotation is not ready, "" if it is."""
    waits = WAIT in (request.get("metadata.annotations") or {})
    found = find(request.store.get(request.id), "outputs.status.conditions.*") if waits else ()
    return next((str(condition["reason"]) for condition in found if condition["status"] != "True"), "")


def pending_reason(request: Request) -> str:
    """Why the certificate cannot be issued, "" if it can."""
    reference = request.inputs["spec"]["issuerRef"]
    kind, name = reference.get("kind", "Issuer"), reference["name"]
    issuer = get(request, kind, name)
    if issuer is None:
        return f'Referenced "{kind}" not found: {name}'
    if fault := request.store.fault(request.id):
        return fault
    solvers = list(find(issuer["inputs"], "spec.acme.solvers.*"))  # without ACME the issuer signs every name
    hosts = request.inputs["spec"].get("dnsNames") or [] if solvers else []
    missing = [host for host in hosts if not any(solves(solver, host) for solver in solvers)]
    return f"Waiting for propagation: {', '.join(missing)} cannot be proved" if missing else ""


def solves(solver: Props, host: str) -> bool:
    zones = find(solver, "dns01.azureDNS.hostedZoneName")
    return "http01" in solver or any(f".{host}".endswith(f".{zone}") for zone in zones)
