"""Virtual network, egress, DNS zone and records, the ingress address."""
