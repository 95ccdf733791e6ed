"""Files that other systems write and read."""
