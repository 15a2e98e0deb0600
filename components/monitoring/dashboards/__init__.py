"""The platform's own dashboards in Grafana."""

from components.monitoring.dashboards.catalogue import DASHBOARDS, without

__all__ = ["DASHBOARDS", "without"]
