"""Charts, Helm releases, namespaces, network policies, storage classes, Jobs."""
