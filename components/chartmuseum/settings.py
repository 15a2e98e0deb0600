"""Settings of ChartMuseum."""

from pydantic import Field

from components.config.model import Model
from components.config.types import Epoch, Quantity


class ChartMuseumSettings(Model):
    """ChartMuseum, the repository of Helm charts."""

    user: str = Field(default="charts", pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Basic-auth user for reading and pushing charts. Anonymous access is off; the password is generated."""
    rotation: Epoch = "2026-11"
    """Month of the basic-auth password. A later month generates a new one; the old one stops working."""
    memory: Quantity = "512Mi"
    """Memory request and limit of ChartMuseum, which keeps the index of all charts in memory."""
