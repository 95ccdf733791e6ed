"""Sealed bytes kept outside the database."""
