"""A recording engine: programs run for real, resources are only written down."""

import base64
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import SETTINGS, set_root_resource

from components.config.secrets import REQUIRED_SECRETS

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
STACKS = ("infra", "staging", "prod", "demo")
FIFTH = "fifth"
"""A stack that only tests have."""
SUBSCRIPTION = "/subscriptions/5d1c7f0a-92b4-4e63-8a17-c0e4f6b2d981"
RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which the engine marks a secret value."""
OPTIONS = (
    "parent", "provider", "providers", "protect", "dependencies", "ignoreChanges", "customTimeouts",
    "replaceOnChanges", "deleteBeforeReplace", "retainOnDelete", "additionalSecretOutputs",
)  # fmt: skip
Props = dict[str, Any]
PASSWORD = "a-generated-password"
STORAGE_KEY = "a-key-to-a-whole-account"
ISSUER = "https://oidc.example.org/tenant/id/"

SERVER = {
    "server": "https://platform.hcp.westeurope.azmk8s.io:443",
    "certificate-authority-data": "Y2VydGlmaWNhdGU=",
}
GIVEN_KUBECONFIG = {
    "clusters": [{"name": "cluster", "cluster": SERVER}],
    "users": [{"name": "clusterUser", "user": {"token": "would-be-a-secret"}}],
}


def secret(value: Any) -> Props:
    """A value as the engine marks it."""
    return {SECRET: "1b47061264138c4ac30d75fd1eb44270", "value": value}


# What the clouds answer beyond what they are told, by type.
ANSWERS: dict[str, Callable[[MockResourceArgs], Props]] = {
    "azure-native:containerservice:ManagedCluster": lambda args: {
        "oidcIssuerProfile": {"enabled": True, "issuerURL": ISSUER},
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {
                identity: {"principalId": "principal", "clientId": "client"}
                for identity in args.inputs["identity"]["userAssignedIdentities"]
            },
        },
    },
    "azure-native:managedidentity:UserAssignedIdentity": lambda args: {
        "principalId": f"principal-of-{args.name}",
        "clientId": f"client-of-{args.name}",
    },
    "azure-native:network:PublicIPAddress": lambda args: {
        "ipAddress": f"20.50.0.{args.name.rpartition('-')[2]}"
    },
    "azure-native:dbforpostgresql:Server": lambda args: {
        "fullyQualifiedDomainName": f"{args.name}.postgres.database.azure.com"
    },
    "azure-native:dns:Zone": lambda _: {"nameServers": ["ns1-01.azure-dns.com.", "ns2-01.azure-dns.net."]},
    # Mocks do not do what the providers do: say that it is secret.
    "random:index/randomPassword:RandomPassword": lambda args: {
        "result": secret(PASSWORD),
        "bcryptHash": secret(f"$2a$10${args.name}"),
    },
    "tls:index/privateKey:PrivateKey": lambda args: {
        "privateKeyPem": secret(f"the-private-key-of-{args.name}"),
        "publicKeyOpenssh": f"ssh-rsa {args.name}\n",
    },
    "azuread:index/application:Application": lambda args: {"clientId": f"client-of-{args.name}"},
    "azuread:index/servicePrincipal:ServicePrincipal": lambda args: {"objectId": f"object-of-{args.name}"},
    "azuread:index/group:Group": lambda args: {"objectId": f"object-of-{args.name}"},
    "azuread:index/applicationPassword:ApplicationPassword": lambda args: {
        "value": secret(f"the-secret-of-{args.name}"),
        "endDate": "2027-05-20T08:00:00Z",
    },
    "vault:appRole/authBackendRole:AuthBackendRole": lambda args: {"roleId": f"role-id-of-{args.name}"},
    "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": lambda args: {
        "secretId": secret(f"the-secret-id-of-{args.name}"),
        "accessor": f"accessor-of-{args.name}",
    },
    "tls:index/selfSignedCert:SelfSignedCert": lambda args: {
        "certPem": f"-----BEGIN CERTIFICATE-----\n{args.name}\n",
        "validityEndTime": "2046-11-20T08:00:00.123456789+00:00",
    },
}
CALLS: dict[str, Callable[[Props], Props]] = {
    "azure-native:containerservice:listManagedClusterUserCredentials": lambda _: {
        "kubeconfigs": [
            {
                "name": "clusterUser",
                "value": base64.b64encode(yaml.safe_dump(GIVEN_KUBECONFIG).encode()).decode(),
            }
        ]
    },
    "azure-native:containerservice:getManagedCluster": lambda _: {
        "oidcIssuerProfile": {"enabled": True, "issuerURL": ISSUER}
    },
    "azure-native:managedidentity:getUserAssignedIdentity": lambda args: {
        "principalId": f"principal-of-{args['resourceName']}",
        "clientId": f"client-of-{args['resourceName']}",
    },
    "azure-native:storage:listStorageAccountKeys": lambda args: {
        "keys": [
            {"keyName": "key1", "value": f"{STORAGE_KEY} {args['accountName']}", "permissions": "FULL"},
            {"keyName": "key2", "value": STORAGE_KEY, "permissions": "FULL"},
        ]
    },
}
# The segments of ids that the program reads.
KINDS = {
    "containerservice:ManagedCluster": "Microsoft.ContainerService/managedClusters",
    "dns:Zone": "Microsoft.Network/dnsZones",
    "managedidentity:UserAssignedIdentity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "network:PublicIPAddress": "Microsoft.Network/publicIPAddresses",
    "storage:StorageAccount": "Microsoft.Storage/storageAccounts",
    "keyvault:Vault": "Microsoft.KeyVault/vaults",
    "dbforpostgresql:Server": "Microsoft.DBforPostgreSQL/flexibleServers",
}
INSIDE = {
    "keyvault:Key": "Microsoft.KeyVault/vaults/{vaultName}/keys",
    "keyvault:Secret": "Microsoft.KeyVault/vaults/{vaultName}/secrets",
    "storage:BlobContainer":
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers",
}  # fmt: skip


class Registered(NamedTuple):
    """A resource as the program registered it."""

    urn: str
    type: str
    name: str
    inputs: Props
    options: Props


class Monitor(MockMonitor):
    """Keeps the options too, which mocks are not told."""

    registered: list[Registered]

    def RegisterResource(self, request):  # noqa: N802 (gRPC names it)
        self.mocks.latest.inputs = {}
        response = super().RegisterResource(request)
        options = MessageToDict(request)
        inputs = self.mocks.latest.inputs
        if request.type == RELEASE:
            keep_nulls(inputs, request.object)
        options = {key: options[key] for key in OPTIONS if key in options}
        if "dependencies" in options:
            options["dependencies"].sort()
        if request.deleteBeforeReplaceDefined:
            options["deleteBeforeReplace"] = request.deleteBeforeReplace
        if request.type != "pulumi:pulumi:Stack":
            found = Registered(response.urn, request.type, request.name, inputs, options)
            self.mocks.resources.append(found)
        return response


def keep_nulls(inputs: Props, given: Struct) -> None:
    """Put back what mocks leave out and Helm is told: null takes away what the chart has by default."""
    for key, value in given.fields.items():
        if value.HasField("null_value"):
            inputs[key] = None
        elif value.HasField("struct_value") and isinstance(inputs.get(key), dict):
            keep_nulls(inputs[key], value.struct_value)


class Recorder(Mocks):
    """Registers anything, remembers everything."""

    def __init__(self) -> None:
        self.latest = threading.local()  # registrations come on threads of their own
        self.resources: list[Registered] = []
        self.calls: list[MockCallArgs] = []
        self.monitor = Monitor(self)

    def new_resource(self, args: MockResourceArgs) -> tuple[str, Props]:
        self.latest.inputs = args.inputs
        answer = ANSWERS.get(args.typ, lambda _: {})(args)
        return self._id(args), {"name": args.name, **args.inputs, **answer}

    @staticmethod
    def _id(args: MockResourceArgs) -> str:
        package, _, kind = args.typ.partition(":")
        if kind == "resources:ResourceGroup":
            return f"{SUBSCRIPTION}/resourceGroups/{args.name}"
        if package != "azure-native":
            return f"{args.name}-id"
        group = args.inputs.get("resourceGroupName", "group")
        path = KINDS.get(kind, kind.replace(":", "/"))
        if kind in INSIDE:
            path = INSIDE[kind].format(**args.inputs)
        return f"{SUBSCRIPTION}/resourceGroups/{group}/providers/{path}/{args.name}"

    def call(self, args: MockCallArgs) -> Props:
        self.calls.append(args)
        return CALLS[args.token](args.args)

    def of_type(self, token: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type == token]

    def one(self, token: str) -> Registered:
        [resource] = self.of_type(token)
        return resource

    def named(self, token: str) -> dict[str, Registered]:
        return {resource.name: resource for resource in self.of_type(token)}


class Callbacks:
    """Accepts the program's hooks, which mocks never call."""

    def register_error_hook(self, hook) -> None: ...

    register_resource_hook = register_error_hook


def revealed(value: Any) -> Any:
    """An input with its secrets in plain."""
    if isinstance(value, dict):
        return revealed(value["value"]) if SECRET in value else {k: revealed(v) for k, v in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value


def recording(stack: str, project: str = "platform") -> Recorder:
    mocks = Recorder()
    set_root_resource(None)  # that of the program before would stay the root of this one
    set_mocks(mocks, project, stack, preview=False, monitor=mocks.monitor)
    SETTINGS.callbacks = Callbacks()
    return mocks


def stack_config(stack: str) -> Props:
    """A stack file's `config`; the fifth stack is staging's in another place."""
    if stack == FIFTH:
        other = {"subscriptionId": "11111111-2222-4333-8444-555555555555"}
        config = stack_config("staging")
        return config | {"platform:azure": config["platform:azure"] | other}
    return yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]


def encoded(config: Props) -> dict[str, str]:
    """Configuration as the engine hands it to a program, with made-up secrets."""
    config = {f"platform:{key}": secret.example for key, secret in REQUIRED_SECRETS.items()} | config
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}
