"""What schools do with their keys: set up, unlock, rotate and recover."""
