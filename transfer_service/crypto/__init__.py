"""Keys, sealing and signing; knows no rows and no requests."""
