"""ChartMuseum."""

from components.chartmuseum.chartmuseum import ChartMuseum
from components.chartmuseum.settings import ChartMuseumSettings
from components.chartmuseum.values import ChartStorage

__all__ = ["ChartMuseum", "ChartMuseumSettings", "ChartStorage"]
