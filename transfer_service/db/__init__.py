"""The database: sessions, models and queries."""
