"""The verbs of the service: functions that take a session and an actor and never commit."""
