"""What people print: receipts, letters, posters and charts."""
