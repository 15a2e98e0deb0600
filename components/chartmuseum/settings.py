"""What a stack chooses about ChartMuseum."""

from pydantic import Field

from components.config.model import Model
from components.config.types import Epoch, Quantity


class ChartMuseumSettings(Model):
    """ChartMuseum, which keeps Helm charts."""

    user: str = Field(default="charts", pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Whose login fetches and publishes charts; nobody gets in without. Its password is generated."""
    rotation: Epoch = "2026-11"
    """Month of the password. A later one makes a new one; the old stops being good then."""
    memory: Quantity = "512Mi"
    """Of its pod, which keeps the index of all charts."""
