"""Settings of a credential whose old one stays valid while its clients change to the new one."""

from collections.abc import Iterable, Iterator

from components.config.model import Model, Problem, Rule
from components.config.types import FIRST_EPOCH, Epoch


class Rotation(Model):
    """`rotation` and `previous`: the month of the credential, and an earlier month that is still valid."""

    rotation: Epoch = FIRST_EPOCH
    previous: Epoch | None = None

    @property
    def epochs(self) -> list[str]:
        """Months of the credentials that are valid, that of `rotation` first."""
        return [self.rotation, *([self.previous] if self.previous else [])]

    def rules(self) -> Iterable[Rule]:
        return (self._previous_is_older,)

    def _previous_is_older(self) -> Iterator[Problem]:
        if self.previous and self.previous >= self.rotation:
            text = f"{self.previous} is not before {self.rotation}; set an earlier month, or remove it"
            yield Problem("previous", text)


def of_epoch(name: str, epoch: str) -> str:
    """Name of a credential of a month. That of the first month has no month: it is older than rotations."""
    return name if epoch == FIRST_EPOCH else f"{name}-{epoch}"
