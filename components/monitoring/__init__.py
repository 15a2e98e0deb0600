"""Prometheus, Alertmanager, InfluxDB, Telegraf and Grafana."""
