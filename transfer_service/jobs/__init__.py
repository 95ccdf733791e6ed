"""The worker that sends, signs, reminds and checks."""
