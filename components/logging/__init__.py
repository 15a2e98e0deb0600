"""Elasticsearch, Kibana, fluent-bit and ElastAlert."""

from components.logging.elastalert import ElastAlert
from components.logging.elasticsearch import Elasticsearch
from components.logging.settings import LoggingSettings

__all__ = ["ElastAlert", "Elasticsearch", "LoggingSettings"]
