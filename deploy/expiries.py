"""What of a stack ends on a day that is known, and what renews it.

Certificates of hosts and servers are not here: cert-manager renews them, and an alert says if it does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any, NamedTuple

from cryptography import x509

from components.azure.postgres import postgres_roots
from components.settings import Settings
from deploy.summary import shortened


class Expiry(NamedTuple):
    """Something that ends. The first to end sorts first."""

    at: datetime
    what: str
    renewal: str

    def described(self, now: datetime) -> str:
        days = (self.at - now).days
        left = f"{days} days left" if self.at > now else "ENDED"
        return f"{self.at:%Y-%m-%d}  {left:>16}  {self.what}: {self.renewal}"

    def as_json(self) -> dict[str, str]:
        return {"at": self.at.isoformat(), "what": self.what, "renewal": self.renewal}


CREATED = {
    "azuread:index/applicationPassword:ApplicationPassword": (
        "endDate",
        "set entra.rotation to this month, then `up`",
    ),
    "tls:index/selfSignedCert:SelfSignedCert": (
        "validityEndTime",
        "any `up` in its last five years renews it, with the same key",
    ),
}
"""By type: the output with the end, and what renews the resource."""


def expiries(settings: Settings, resources: Iterable[Mapping[str, Any]]) -> list[Expiry]:
    """All that ends, soonest first, from the stack file, the program and the stack's state."""
    return sorted([*_created(resources), *_exceptions(settings), *_roots()])


def _created(resources: Iterable[Mapping[str, Any]]) -> Iterator[Expiry]:
    for resource in resources:
        if (row := CREATED.get(resource["type"])) and (end := resource["outputs"].get(row[0])):
            yield Expiry(datetime.fromisoformat(end), shortened(resource["urn"]), row[1])


def _exceptions(settings: Settings) -> Iterator[Expiry]:
    for one in settings.replaceable:
        end = datetime.combine(one.until, time.max, UTC)
        what = f"the exception in `replaceable` for {shortened(one.urn)}"
        yield Expiry(end, what, "from then on `up` fails until the entry is removed")


def _roots() -> Iterator[Expiry]:
    for root in x509.load_pem_x509_certificates(postgres_roots().encode()):
        [name] = root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        what = f"{name.value!s}, which PostgreSQL's certificate is verified with"
        renewal = "a newer version of the program has Azure's next root"
        yield Expiry(root.not_valid_after_utc, what, renewal)
