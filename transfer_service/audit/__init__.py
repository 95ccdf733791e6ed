"""The tamper-evident log of everything that happened."""
