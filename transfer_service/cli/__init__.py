"""The transfer-service command, one module a group of commands."""
