"""The command-line tools that the platform needs, and the set-up that finds or builds them."""
