"""What schools do with a transfer."""
