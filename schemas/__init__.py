"""The wire contract of forms, the API and receipts: shape and type, never a rule."""
