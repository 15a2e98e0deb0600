"""Derives what Azure says of each resource type in use: `rehearsal/azure-types/<module>.<Type>.json`.

    python -m tools.azure_types [FOLDER]

The source is Microsoft's index of types (github.com/Azure/bicep-types-az), at the API versions that the
installed azure-native sends. FOLDER is a clone of it; without one the command makes a partial clone. Run it
after a bump of azure-native and after a new row in `rehearsal/azure.py`, and read the diff.

A file has the shape that azure-native gives a type: `properties` flattened where the SDK has no such input,
the SDK's names, the names in the address as properties. `objects` has each object by name, "" is the
resource. A property is `{object}`, `{array}`, `{map}`, `{enum, open}` or `{type}` with its limits, and
perhaps `required`; of a read-only one nothing else is said. `open` means that Azure may take other values.
`{by, objects}` is one of several objects: by the value of its property `by`.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal import schema
from rehearsal.azure import RESOURCE_TYPES
from rehearsal.azure_types import path_of

INDEX = "https://github.com/Azure/bicep-types-az"
GROUP = "Microsoft.Resources/resourceGroups"
REQUIRED, READ_ONLY = 1, 2
"""Bits of a property's `flags` in the index."""
LIMITS = ("pattern", "minLength", "maxLength", "minValue", "maxValue")
RENAMED = {
    "exp": "expires",
    "id": "virtualNetworkResourceId",
    "identity": "encryptionIdentity",
    "isNfsV3Enabled": "enableNfsV3",
    "nbf": "notBefore",
    "networkAcls": "networkRuleSet",
    "supportsHttpsTrafficOnly": "enableHttpsTrafficOnly",
    "value": "iPAddressOrRange",
}
"""The properties, of storage accounts and of keys, that the SDK names differently (x-ms-client-name)."""
Node = dict[str, Any]
Types = list[Node]


class Index:
    """A clone of Microsoft's index: one file for each service and API version."""

    def __init__(self, clone: str) -> None:
        self.clone = clone
        self.paths = self.git("ls-tree", "-r", "--name-only", "HEAD", "generated").split()
        self.read: dict[str, Types] = {}

    def git(self, *arguments: str) -> str:
        command = ("git", "-C", self.clone, *arguments)
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def types(self, type_: str, version: str) -> Types:
        """All types of the file that has this one."""
        for path in self.paths:
            if path.endswith(f"/{type_.partition('/')[0].lower()}/{version}/types.json"):
                found = self.read[path] = self.read.get(path) or json.loads(self.git("show", f"HEAD:{path}"))
                if any(each.get("name") == f"{type_}@{version}" for each in found):
                    return found
        sys.exit(f"azure-types: the index has no {type_} at API version {version}. Update the clone.")


class Derived:
    """One resource type of azure-native."""

    def __init__(self, token: str, index: Index) -> None:
        self.args = schema.arguments(token) or sys.exit(f"azure-types: azure-native has no {token}")
        self.version = api_version(self.args)
        address = RESOURCE_TYPES[token].id
        below = address.rpartition("/providers/")[2]
        if below.startswith("/subscriptions"):
            below = f"{GROUP}/{{resourceGroupName}}"
        # One type of azure-native is one for each kind of record in Azure, equal but for the names.
        provider, *segments = below.replace("{recordType}", "A").split("/")
        levels = ["/".join((provider, *segments[: at + 1 : 2])) for at in range(0, len(segments), 2)]
        self.type = levels[-1]
        self.types = index.types(self.type, self.version)
        self.objects: dict[str, Node] = {"": {}}
        self.names: dict[int, str] = {}
        inputs = self.objects[""] = self.properties(self.body(self.type, self.types), self.args)
        inputs.get("name", {}).pop("required", None)  # it is in the address
        for name, level in zip(segments[1::2], levels, strict=True):
            if name.startswith("{"):
                inputs[name[1:-1]] = self.name(level, self.types)
        above = re.compile(rf"{self.type.removesuffix('A')}([A-Z]+)@")
        records = (above.match(each.get("name", "")) for each in self.types)
        version = api_version(schema.arguments("azure-native:resources:ResourceGroup"))
        inputs |= {name: {"type": "string"} for name in ("scope", "resourceUri") if f"{{{name}}}" in address}
        if "{recordType}" in address:
            inputs["recordType"] = {"enum": [record[1] for record in records if record]}
        if "{resourceGroupName}" in address:
            inputs["resourceGroupName"] = self.name(GROUP, index.types(GROUP, version))
        for name in schema.required(self.args):
            inputs[name]["required"] = True
        if unsaid := schema.fields(self.args).keys() - inputs.keys():
            sys.exit(f"azure-types: {token} has inputs that {self.type} does not have: {sorted(unsaid)}")

    def body(self, type_: str, types: Types) -> Node:
        return next(target(types, t["body"]) for t in types if t.get("name", "").startswith(f"{type_}@"))

    def name(self, type_: str, types: Types) -> Node:
        """The rules for the name of an object."""
        return self.shape(self.body(type_, types)["properties"]["name"]["type"], None, types)

    def properties(self, of: Node, args: type | None) -> Node:
        """The properties of an object that an input can have, and the read-only ones by their name."""
        wire = {bare(name): name for name in schema.fields(args)} if args else None
        needed = schema.required(args) if args else ()
        found: Node = {}
        for name, ref, flags in self.flattened(of, wire):
            own = wire.get(bare(name)) or wire.get(bare(RENAMED.get(name, ""))) if wire else name
            if flags & READ_ONLY:
                found.setdefault(own or name, {"readOnly": True})
            elif own:
                found[own] = self.shape(ref, schema.fields(args).get(own) if args else None, self.types)
                found[own] |= {"required": True} if flags & REQUIRED or own in needed else {}
        return found

    def flattened(self, of: Node, wire: dict[str, str] | None) -> Iterator[tuple[str, Node, int]]:
        """Properties as (name, type, flags). Flattened is what the SDK has no input for."""
        for name, each in of["properties"].items():
            inner = target(self.types, each["type"]).get("properties", {})
            if (
                wire
                and inner
                and bare(name) not in wire
                and (name == "properties" or {*map(bare, inner)} <= {*wire})
            ):
                for below, ref, flags in self.flattened({"properties": inner}, wire):
                    yield below, ref, flags & (each["flags"] | READ_ONLY)
            else:
                yield name, each["type"], each["flags"]

    def shape(self, ref: Node, args: type | None, types: Types) -> Node:
        of = target(types, ref)
        limits = {limit: of[limit] for limit in LIMITS if limit in of}
        match of["$type"]:
            case "StringLiteralType":
                return {"enum": [of["value"]]}
            case "UnionType":
                each = [target(types, element) for element in of["elements"]]
                values = [one["value"] for one in each if "value" in one]
                return {"enum": values} | ({"open": True} if len(values) < len(each) else {})
            case "ArrayType":
                return {"array": self.shape(of["itemType"], args, types)} | limits
            case "ObjectType" if not of["properties"]:
                more = of.get("additionalProperties")
                return {"map": self.shape(more, args, types) if more else {"type": "any"}}
            case "ObjectType" | "DiscriminatedObjectType":
                return self.one_of(ref, of, args, types)
            case "StringType" | "IntegerType" | "BooleanType" | "AnyType" as kind:
                return {"type": kind.removesuffix("Type").lower()} | limits
        sys.exit(f"azure-types: {self.type} has a {of['$type']}, which nothing here reads yet")

    def one_of(self, ref: Node, of: Node, args: type | None, types: Types) -> Node:
        """An object, or one of several."""
        if "elements" not in of:
            return {"object": self.object(number(ref), of, args)}
        objects = {
            value: self.object(number(element), whole(of, target(types, element)), args)
            for value, element in of["elements"].items()
        }
        return {"by": sdk_name(of["discriminator"]), "objects": objects}

    def object(self, at: int, of: Node, args: type | None) -> str:
        args = beside(args, of["name"]) or args
        if at not in self.names:
            self.names[at] = name = of["name"] if of["name"] not in self.objects else f"{of['name']}{at}"
            self.objects[name] = {}  # an object can contain its own kind
            self.objects[name] = self.properties(of, args)
        return self.names[at]


def number(ref: Node) -> int:
    return int(ref["$ref"].removeprefix("#/"))


def target(types: Types, ref: Node) -> Node:
    return types[number(ref)]


def whole(base: Node, element: Node) -> Node:
    """One of several objects, with the properties that all of them have."""
    return {**element, "properties": {**base["baseProperties"], **element["properties"]}}


def beside(args: type | None, name: str) -> type | None:
    """The SDK's class of this name, in the module of another one: several objects are a union of them."""
    return getattr(sys.modules[args.__module__], f"{name}Args", None) if args else None


def bare(name: str) -> str:
    """A name as either side may write it: `expander-name` is azure-native's `expanderName`."""
    return re.sub("[-_.]", "", name).lower()


def sdk_name(name: str) -> str:
    """A name as azure-native writes it: `odata.type` is its `odataType`."""
    return re.sub(r"\.(\w)", lambda found: found[1].upper(), name)


def api_version(args: Any) -> str:
    """The API version that azure-native sends, from the SDK's text."""
    module = sys.modules[args.__module__]
    [version] = set(
        re.findall(r"Uses Azure REST API version (\S+)\.\s", Path(str(module.__file__)).read_text())
    )
    return str(version)


def written(found: Derived) -> str:
    """A line for each property, so that a diff of a bump can be read."""
    lines = []
    for name, properties in sorted(found.objects.items()):
        inner = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(node)}" for key, node in sorted(properties.items())
        )
        lines.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
    head = f'{{"type": "{found.type}", "apiVersion": "{found.version}", "objects": {{\n'
    return head + ",\n".join(lines) + "\n}}\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = sys.argv[1] if len(sys.argv) > 1 else folder
        if clone == folder:
            command = ("git", "clone", "--quiet", "--bare", "--depth=1", "--filter=blob:none", INDEX, folder)
            subprocess.run(command, check=True)
        index = Index(clone)
        for token in RESOURCE_TYPES:
            path_of(token).write_text(written(Derived(token, index)))


if __name__ == "__main__":
    main()
