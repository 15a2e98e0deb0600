"""Policy rules that the Pulumi engine enforces on every resource."""
