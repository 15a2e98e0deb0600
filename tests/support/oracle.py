"""What Microsoft's own SDKs say is wrong with a request: their maps of required inputs, patterns and limits.

Only older releases of the SDKs carry the maps, for older versions of the services: an input that they do not
know is unknown and not wrong. Both they and azure-native flatten the `properties` of an object, so the last
part of a key of the SDK is the name of the input.
"""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from rehearsal import azure
from tests.support.recorder import SECRET

AKS = "containerservice.v2025_02_01"
KEY_VAULT = "keyvault.v2023_07_01"
STORAGE = "storage.v2024_01_01"
DNS = "dns.v2018_05_01"
POSTGRES = "postgresqlflexibleservers"
SERVICES = {
    "containerservice:ManagedCluster": (AKS, "ManagedCluster", "managed_clusters"),
    "containerservice:AgentPool": (AKS, "AgentPool", "agent_pools"),
    "containerservice:MaintenanceConfiguration": (
        AKS,
        "MaintenanceConfiguration",
        "maintenance_configurations",
    ),
    "network:VirtualNetwork": ("network", "VirtualNetwork", "virtual_networks"),
    "network:Subnet": ("network", "Subnet", "subnets"),
    "network:NetworkSecurityGroup": ("network", "NetworkSecurityGroup", "network_security_groups"),
    "network:PublicIPAddress": ("network", "PublicIPAddress", "public_ip_addresses"),
    "network:NatGateway": ("network", "NatGateway", "nat_gateways"),
    "dbforpostgresql:Server": (POSTGRES, "Server", "servers"),
    "dbforpostgresql:Database": (POSTGRES, "Database", "databases"),
    "dbforpostgresql:Configuration": (POSTGRES, "ConfigurationForUpdate", "configurations"),
    "dbforpostgresql:FirewallRule": (POSTGRES, "FirewallRule", "firewall_rules"),
    "keyvault:Vault": (KEY_VAULT, "VaultCreateOrUpdateParameters", "vaults"),
    "keyvault:Key": (KEY_VAULT, "KeyCreateParameters", "keys"),
    "keyvault:Secret": (KEY_VAULT, "SecretCreateOrUpdateParameters", "secrets"),
    "storage:StorageAccount": (STORAGE, "StorageAccountCreateParameters", "storage_accounts"),
    "storage:BlobContainer": (STORAGE, "BlobContainer", "blob_containers"),
    "storage:BlobServiceProperties": (STORAGE, "BlobServiceProperties", "blob_services"),
    "storage:ManagementPolicy": (STORAGE, "ManagementPolicy", "management_policies"),
    "dns:Zone": (DNS, "Zone", "zones"),
    "dns:RecordSet": (DNS, "RecordSet", "record_sets"),
}
"""By type: the SDK's package, its model of the request, and its operations."""
WRITES = ("create_or_update", "create", "put", "update", "set_service_properties", "create_if_not_exist")
AUTO = "1a2b3c4d"
"""What azure-native puts behind the name of a resource that it names itself."""
RULES: dict[str, Callable[[Any, Any], bool]] = {
    "pattern": lambda value, rule: re.match(rule, str(value)) is not None,
    "minimum": lambda value, rule: value >= rule,
    "maximum": lambda value, rule: value <= rule,
    "min_length": lambda value, rule: len(value) >= rule,
    "max_length": lambda value, rule: len(value) <= rule,
    "min_items": lambda value, rule: len(value) >= rule,
    "max_items": lambda value, rule: len(value) <= rule,
    "unique": lambda value, _: len(value) == len({repr(item) for item in value}),
    "readonly": lambda *_: False,
}
PLAIN = {"str": str, "bool": bool, "int": (int, float), "float": (int, float)}


@dataclass
class Opinion:
    """What the SDKs make of some requests."""

    problems: list[str] = field(default_factory=list)
    known: int = 0
    """Inputs that an SDK knows, so that their kind was compared."""
    checked: dict[str, int] = field(default_factory=dict)
    """How often each rule was applied to a value that is there."""
    unknown: set[str] = field(default_factory=set)

    def see(self, rule: str, place: str, fine: bool, problem: str) -> None:  # noqa: FBT001
        self.checked[rule] = self.checked.get(rule, 0) + 1
        if not fine:
            self.problems.append(f"{place} {problem}")

    def hear(self, type_: str, name: str, inputs: dict[str, Any]) -> None:
        """Look at one request for an object of a type (`network:Subnet`)."""
        package, model, operations = SERVICES[type_]
        kind = azure.RESOURCE_TYPES.get(f"azure-native:{type_}")
        named = {kind.name: f"{name}{AUTO}"} if kind and kind.name else {}
        path = path_rules(package, operations)
        given = named | plain(inputs)
        place = f"{type_} {name}"
        for url, rules in path.items():
            if url in given:
                self._rules(rules, given[url], f"{place}: {url}")
        body = {key: value for key, value in given.items() if key not in path}
        self._model(models(package), model, body, f"{place}:")

    def _model(self, of: Any, model: str, given: dict[str, Any], place: str) -> None:
        class_ = getattr(of, model)
        rest = {bare(key): value for key, value in given.items()}
        # An object's own `type` comes behind `properties.type`, which is what azure-native means.
        shapes = sorted(class_._attribute_map.items(), key=lambda item: "properties." not in item[1]["key"])
        for attribute, shape in shapes:
            wire = shape["key"].replace("\\.", "\0").rpartition(".")[2].replace("\0", ".")
            rules = class_._validation.get(attribute, {})
            here = f"{place} {wire}" if place.endswith(":") else f"{place}.{wire}"
            value = rest.pop(bare(wire), None)
            if rules.get("required") and not rules.get("readonly"):
                self.see("required", here, value is not None, "is required")
            if value is not None:
                self.known += 1
                self._rules(rules, value, here)
                self._value(of, shape["type"], value, here)
                self._enum(of, class_, attribute, value, here)
        self.unknown |= {f"{model}.{key}" for key in rest}

    def _rules(self, rules: dict[str, Any], value: Any, here: str) -> None:
        for rule, limit in rules.items():
            if rule in RULES and limit is not False:
                self.see(rule, here, RULES[rule](value, limit), f"is {value!r}, against {rule} {limit}")

    def _value(self, of: Any, shape: str, value: Any, here: str) -> None:
        if shape[0] in "[{":
            many = dict if shape[0] == "{" else list
            if many is dict and isinstance(value, list):  # azure-native takes ids for a map of nothing
                return
            self.see("type", here, isinstance(value, many), f"is no {many.__name__}: {value!r}")
            items = (
                value.items()
                if isinstance(value, dict)
                else enumerate(value)
                if isinstance(value, list)
                else ()
            )
            for key, item in items:
                self._value(of, shape[1:-1], item, f"{here}[{key}]")
        elif shape in PLAIN:
            self.see("type", here, isinstance(value, PLAIN[shape]), f"is no {shape}: {value!r}")
        elif hasattr(getattr(of, shape, None), "_attribute_map"):
            self.see("type", here, isinstance(value, dict), f"is no {shape}: {value!r}")
            if isinstance(value, dict):
                self._model(of, shape, value, here)

    def _enum(self, of: Any, class_: type, attribute: str, value: Any, here: str) -> None:
        hint = inspect.signature(class_.__init__).parameters.get(attribute)
        for name in re.findall(r"_models\.(\w+)", str(hint.annotation)) if hint else ():
            enum = getattr(of, name, None)
            if isinstance(enum, type) and issubclass(enum, Enum):
                known = {str(member.value) for member in enum}
                for item in value if isinstance(value, list) else [value]:
                    self.see("enum", here, str(item) in known, f"is {item!r}, and not one of {sorted(known)}")


def bare(key: str) -> str:
    """A key as either side may write it: `expander-name` is azure-native's `expanderName`."""
    return key.replace("-", "").lower()


def plain(value: Any) -> Any:
    """Inputs without the engine's envelopes around what is secret."""
    if isinstance(value, dict):
        return plain(value["value"]) if SECRET in value else {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def models(package: str) -> Any:
    return importlib.import_module(f"azure.mgmt.{package}.models")


@functools.cache
def path_rules(package: str, operations: str) -> dict[str, dict[str, Any]]:
    """By the names in a resource's address: what a name may look like. The SDK says it in code."""
    found: dict[str, dict[str, Any]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(builder(package, operations)))):
        if not isinstance(node, ast.Dict):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if (
                isinstance(key, ast.Constant)
                and isinstance(value, ast.Call)
                and "url" in ast.unparse(value.func)
            ):
                found[key.value] = {
                    k.arg: ast.literal_eval(k.value) for k in value.keywords if k.arg in RULES
                }
    return found


def builder(package: str, operations: str) -> Callable[..., Any]:
    """The function that makes the request which writes an object."""
    for module in modules(package):
        own = module.__name__.endswith(f"._{operations}_operations")
        for write in WRITES:
            name = f"build_{write}_request" if own else f"build_{operations}_{write}_request"
            if hasattr(module, name):
                return getattr(module, name)
    raise LookupError(operations)


def modules(package: str) -> Iterator[Any]:
    root = importlib.import_module(f"azure.mgmt.{package}.operations")
    for found in pkgutil.iter_modules(root.__path__, f"{root.__name__}."):
        yield importlib.import_module(found.name)
