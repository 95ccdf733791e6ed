"""Pages about the signed-in person: signing in, second factor, settings."""
