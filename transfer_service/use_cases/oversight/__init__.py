"""What the authority does: it watches, and opens no note."""
