"""cert-manager, Let's Encrypt's issuers and the internal CA."""
