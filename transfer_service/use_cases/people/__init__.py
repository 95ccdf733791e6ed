"""What is done with the people who use the service and their accounts."""
