"""Pages for the authority, which oversees and opens no note."""
