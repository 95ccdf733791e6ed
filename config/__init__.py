"""How configuration is read."""
