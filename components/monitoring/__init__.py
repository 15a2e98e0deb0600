"""Prometheus, Alertmanager, InfluxDB, Telegraf and Grafana."""

from components.monitoring.grafana import Grafana
from components.monitoring.grafana_values import DataSource
from components.monitoring.influxdb import InfluxDb
from components.monitoring.pod_monitors import PodMonitors
from components.monitoring.prometheus import Prometheus
from components.monitoring.prometheus_values import PROMETHEUS_RELEASE
from components.monitoring.settings import MonitoringSettings

__all__ = [
    "PROMETHEUS_RELEASE",
    "DataSource",
    "Grafana",
    "InfluxDb",
    "MonitoringSettings",
    "PodMonitors",
    "Prometheus",
]
