"""Elasticsearch, Kibana, fluent-bit and ElastAlert."""
