"""The pages, grouped by who they are for."""
