"""Pupil transfer information sharing between schools: the application package."""
