"""What is read from the database, one module a question."""
