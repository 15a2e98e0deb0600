"""The random and tls providers. Their values live in Pulumi's state and in no cloud."""

import base64
import hashlib
import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from rehearsal.properties import Props
from rehearsal.provider import Provider, plain, preview_outputs, struct
from rehearsal.resource_types import Request, ResourceType


class Generator(Provider):
    """A provider without a cloud: its values exist only in Pulumi's state."""

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        kind, inputs = self.types[request.type], plain(request.properties)
        properties = preview_outputs(kind, inputs)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(properties))
        properties |= kind.outputs(Request(self.store, kind.id, request.type, inputs))
        id_ = str(properties.get(kind.id) or "none")
        return provider_pb2.CreateResponse(id=id_, properties=struct(properties))

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    async def Delete(self, request: Any, context: Any) -> Empty:  # noqa: ARG002
        return Empty()


# random


def text(request: Request) -> Props:
    """Random characters: the minimum of each class, and none of a disabled class."""
    given, result = request.inputs, []
    classes = {
        "lower": string.ascii_lowercase, "upper": string.ascii_uppercase, "numeric": string.digits,
        "special": given.get("overrideSpecial") or "!@#$%&*()-_=+[]{}<>:?",
    }  # fmt: skip
    for name, letters in classes.items():
        least = int(given.get(f"min{name.capitalize()}") or 0)
        result += [secrets.choice(letters) for _ in range(least)]
    alphabet = "".join(letters for name, letters in classes.items() if given.get(name, True))
    result += [secrets.choice(alphabet) for _ in range(int(given["length"]) - len(result))]
    secrets.SystemRandom().shuffle(result)
    return {"result": "".join(result)}


def password(request: Request) -> Props:
    """`bcryptHash` covers the first 72 bytes, as the real provider does."""
    made = text(request)
    return made | {"bcryptHash": bcrypt.hashpw(made["result"].encode()[:72], bcrypt.gensalt(10)).decode()}


# tls

PEM, OPENSSH = serialization.Encoding.PEM, serialization.Encoding.OpenSSH
USES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "cert_signing", "crl_signing")  # fmt: skip
"""In the order of x509.KeyUsage's arguments."""


def private_key(request: Request) -> Props:
    """PEM formats as the real provider writes them: PKCS#1 for RSA, SEC 1 for ECDSA."""
    key: Any
    if request.inputs["algorithm"] == "ECDSA":
        key = ec.generate_private_key({"P256": ec.SECP256R1()}[request.inputs["ecdsaCurve"]])
    else:
        key = rsa.generate_private_key(65537, int(request.inputs.get("rsaBits") or 2048))
    ssh = key.public_key().public_bytes(OPENSSH, serialization.PublicFormat.OpenSSH)
    pem = key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    digest = hashlib.sha256(base64.b64decode(ssh.split()[1])).digest()
    return {
        "privateKeyPem": pem.decode(),
        "publicKeyOpenssh": ssh.decode() + "\n",
        "publicKeyFingerprintSha256": "SHA256:" + base64.b64encode(digest).decode().rstrip("="),
    }


def self_signed_certificate(request: Request) -> Props:
    inputs = request.inputs
    key: Any = serialization.load_pem_private_key(inputs["privateKeyPem"].encode(), None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, inputs["subject"]["commonName"])])
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(hours=int(inputs["validityPeriodHours"]))
    uses = [use in inputs["allowedUses"] for use in USES] + [False, False]  # encipher_only, decipher_only
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        .add_extension(x509.BasicConstraints(bool(inputs.get("isCaCertificate")), None), critical=True)
        .add_extension(x509.KeyUsage(*uses), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )  # fmt: skip
    pem = builder.sign(key, hashes.SHA256()).public_bytes(PEM).decode()
    times = {"validityStartTime": start.isoformat(), "validityEndTime": end.isoformat()}
    return {"certPem": pem, "readyForRenewal": False} | times


LETTERS = ("length", "special", "overrideSpecial", "keepers", "upper", "lower", "numeric", "number",
           "minUpper", "minLower", "minNumeric", "minSpecial")  # fmt: skip
SUBJECT = ("subject", "dnsNames", "ipAddresses", "uris")
VALID = ("validityPeriodHours", "allowedUses", "isCaCertificate", "setSubjectKeyId", "setAuthorityKeyId")

RANDOM: dict[str, ResourceType] = {
    "random:index/randomPassword:RandomPassword": ResourceType(id="", outputs=password, replaces=LETTERS),
}  # fmt: skip
TLS: dict[str, ResourceType] = {
    "tls:index/privateKey:PrivateKey": ResourceType(
        id="publicKeyFingerprintSha256", outputs=private_key, replaces=("algorithm", "ecdsaCurve", "rsaBits")),
    "tls:index/selfSignedCert:SelfSignedCert": ResourceType(
        id="", outputs=self_signed_certificate, replaces=(*SUBJECT, *VALID, "privateKeyPem")),
}  # fmt: skip
