"""What the random and tls providers make: values that live in Pulumi's state and in no cloud."""

import base64
import secrets
import string
import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from rehearsal.provider import Provider, foreseen, plain, struct
from rehearsal.resource_types import Call, Kind, Props


class Generator(Provider):
    """A provider without a cloud: what it once made is what the state says."""

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        kind, inputs = self.kinds[request.type], plain(request.properties)
        properties = foreseen(kind, inputs)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(properties))
        properties |= kind.outputs(Call(self.cloud, kind.id, request.type, inputs))
        id_ = str(properties.get(kind.id) or "none")
        return provider_pb2.CreateResponse(id=id_, properties=struct(properties))

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return provider_pb2.ReadResponse(id=request.id, inputs=request.inputs, properties=request.properties)

    async def Delete(self, request: Any, context: Any) -> Empty:  # noqa: ARG002
        return Empty()


# random


def text(call: Call) -> Props:
    """At least as many of each class as asked for, and nothing of a class that is off."""
    given, result = call.inputs, []
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


def password(call: Call) -> Props:
    """The hash is of 72 bytes at most, as the real provider's is."""
    made = text(call)
    return made | {"bcryptHash": bcrypt.hashpw(made["result"].encode()[:72], bcrypt.gensalt(10)).decode()}


def guid(_: Call) -> Props:
    return {"result": str(uuid.uuid4())}


def octets(call: Call) -> Props:
    made = secrets.token_bytes(int(call.inputs["length"]))
    return {"base64": base64.b64encode(made).decode(), "hex": made.hex()}


def identifier(call: Call) -> Props:
    made, prefix = secrets.token_bytes(int(call.inputs["byteLength"])), call.inputs.get("prefix", "")
    url = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
    return {
        "hex": prefix + made.hex(), "b64Url": prefix + url, "b64Std": prefix + base64.b64encode(made).decode(),
        "dec": prefix + str(int.from_bytes(made)),
    }  # fmt: skip


# tls

PEM, PUBLIC = serialization.Encoding.PEM, serialization.PublicFormat
PRIVATE, OPEN = serialization.PrivateFormat, serialization.NoEncryption()
CURVES: dict[str, Any] = {"P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}
USES = {
    "digital_signature": "digital_signature", "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment", "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement", "cert_signing": "key_cert_sign", "crl_signing": "crl_sign",
}  # fmt: skip
EXTENDED = {"server_auth": ExtendedKeyUsageOID.SERVER_AUTH, "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH}
NAMES = {
    "commonName": NameOID.COMMON_NAME, "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME, "country": NameOID.COUNTRY_NAME,
}  # fmt: skip


def private_key(call: Call) -> Props:
    algorithm: str = call.inputs["algorithm"]
    key: Any
    if algorithm == "ED25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif algorithm == "ECDSA":
        key = ec.generate_private_key(CURVES[call.inputs.get("ecdsaCurve") or "P256"]())
    else:
        key = rsa.generate_private_key(65537, int(call.inputs.get("rsaBits") or 2048))
    # As the real one writes them: PKCS#1 for RSA, SEC 1 for ECDSA, PKCS#8 for ED25519.
    traditional = PRIVATE.PKCS8 if algorithm == "ED25519" else PRIVATE.TraditionalOpenSSL
    ssh = key.public_key().public_bytes(serialization.Encoding.OpenSSH, PUBLIC.OpenSSH)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(base64.b64decode(ssh.split()[1]))
    return {
        "privateKeyPem": key.private_bytes(PEM, traditional, OPEN).decode(),
        "privateKeyPemPkcs8": key.private_bytes(PEM, PRIVATE.PKCS8, OPEN).decode(),
        "privateKeyOpenssh": key.private_bytes(PEM, PRIVATE.OpenSSH, OPEN).decode(),
        "publicKeyPem": key.public_key().public_bytes(PEM, PUBLIC.SubjectPublicKeyInfo).decode(),
        "publicKeyOpenssh": ssh.decode() + "\n",
        "publicKeyFingerprintSha256": "SHA256:" + base64.b64encode(digest.finalize()).decode().rstrip("="),
    }


def subject(inputs: Props) -> x509.Name:
    given = inputs.get("subject") or {}
    return x509.Name([x509.NameAttribute(oid, given[key]) for key, oid in NAMES.items() if given.get(key)])


def alternatives(inputs: Props) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in inputs.get("dnsNames") or []]
    names += [x509.IPAddress(ip_address(address)) for address in inputs.get("ipAddresses") or []]
    return names + [x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris") or []]


def load(pem: str) -> Any:
    return serialization.load_pem_private_key(pem.encode(), None)


def hash_for(key: Any) -> Any:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def certificate(call: Call) -> Props:
    """Signed by its own key, or by the CA's where one is given."""
    given, ca = call.inputs, call.inputs.get("caPrivateKeyPem")
    request = x509.load_pem_x509_csr(given["certRequestPem"].encode()) if ca else None
    signer = load(ca or given["privateKeyPem"])
    name = request.subject if request else subject(given)
    issuer = x509.load_pem_x509_certificate(given["caCertPem"].encode()).subject if ca else name
    public = request.public_key() if request else signer.public_key()
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(hours=int(given["validityPeriodHours"]))
    uses = {mine: theirs in given["allowedUses"] for theirs, mine in USES.items()}
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public)
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        .add_extension(x509.BasicConstraints(bool(given.get("isCaCertificate")), None), critical=True)
        .add_extension(x509.KeyUsage(**uses, encipher_only=False, decipher_only=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )  # fmt: skip
    if extended := [oid for use, oid in EXTENDED.items() if use in given["allowedUses"]]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    known = alternatives(given)
    for extension in request.extensions if request else ():
        if isinstance(extension.value, x509.SubjectAlternativeName):
            known = list(extension.value)
    if known:
        builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
    pem = builder.sign(signer, hash_for(signer)).public_bytes(PEM).decode()
    times = {"validityStartTime": start.isoformat(), "validityEndTime": end.isoformat()}
    return {"certPem": pem, "readyForRenewal": False} | times


def request(call: Call) -> Props:
    key = load(call.inputs["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(call.inputs))
    if known := alternatives(call.inputs):
        builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
    return {"certRequestPem": builder.sign(key, hash_for(key)).public_bytes(PEM).decode()}


LETTERS = ("length", "special", "overrideSpecial", "keepers", "upper", "lower", "numeric", "number",
           "minUpper", "minLower", "minNumeric", "minSpecial")  # fmt: skip
SUBJECT = ("subject", "dnsNames", "ipAddresses", "uris")
VALID = ("validityPeriodHours", "allowedUses", "isCaCertificate", "setSubjectKeyId", "setAuthorityKeyId")

RANDOM: dict[str, Kind] = {
    "random:index/randomPassword:RandomPassword": Kind(id="", outputs=password, replaces=LETTERS),
    "random:index/randomString:RandomString": Kind(id="result", outputs=text, replaces=LETTERS),
    "random:index/randomUuid:RandomUuid": Kind(id="result", outputs=guid, replaces=("keepers",)),
    "random:index/randomBytes:RandomBytes": Kind(id="", outputs=octets, replaces=("keepers", "length")),
    "random:index/randomId:RandomId": Kind(
        id="b64Url", outputs=identifier, replaces=("keepers", "byteLength", "prefix")),
}  # fmt: skip
TLS: dict[str, Kind] = {
    "tls:index/privateKey:PrivateKey": Kind(
        id="publicKeyFingerprintSha256", outputs=private_key, replaces=("algorithm", "ecdsaCurve", "rsaBits")),
    "tls:index/selfSignedCert:SelfSignedCert": Kind(
        id="", outputs=certificate, replaces=(*SUBJECT, *VALID, "privateKeyPem")),
    "tls:index/certRequest:CertRequest": Kind(id="", outputs=request, replaces=(*SUBJECT, "privateKeyPem")),
    "tls:index/locallySignedCert:LocallySignedCert": Kind(
        id="", outputs=certificate, replaces=(*VALID, "caCertPem", "caPrivateKeyPem", "certRequestPem")),
}  # fmt: skip
