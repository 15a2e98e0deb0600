"""ChartMuseum."""
