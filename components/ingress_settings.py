"""What a stack chooses about its way in."""

from collections.abc import Iterable, Iterator

from pydantic import Field

from components.model import Check, Model, Problem, PublicCidr

Ranges = tuple[PublicCidr, ...]


class SourceRanges(Model):
    """Who reaches the hosts, by public address; `[]` is everybody. Each host also has a login of its own."""

    default: Ranges = ()
    """For hosts that are not named below."""
    concourse: Ranges | None = None
    """Whoever verifies Concourse's identity tokens reaches what they need for it all the same."""
    vault: Ranges | None = None
    """Unless given, the cluster's operators and deployers."""
    grafana: Ranges | None = None
    """Unless given, the default."""
    kibana: Ranges | None = None
    """Unless given, the cluster's operators: it has users of its own, and no second factor."""
    charts: Ranges | None = None
    """Unless given, the default."""


class IngressSettings(Model):
    """The ingress: how many pods, and whom it lets in to which host."""

    replicas: int = Field(default=3, ge=1, le=20)
    """Pods, over the zones."""
    min_available: int | None = Field(default=None, ge=0, examples=[2])
    """Pods that stay while nodes are emptied: one less than there are, unless given."""
    source_ranges: SourceRanges = SourceRanges()
    """Who reaches which host."""

    def checks(self) -> Iterable[Check]:
        return (self._drains,)

    def _drains(self) -> Iterator[Problem]:
        if self.min_available is not None and self.min_available >= self.replicas:
            text = f"{self.min_available} of {self.replicas} would keep every node from being emptied"
            yield Problem("minAvailable", f"{text}; at most {self.replicas - 1}")
