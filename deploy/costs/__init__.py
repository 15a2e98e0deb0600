"""What a stack costs a month, by Azure's public prices."""
