"""Helm releases that fit into one module each: settings, flows, values and component.

Their traffic is not in the table of `components/kubernetes/network_policies.py`: each module has `FLOWS`.
"""
