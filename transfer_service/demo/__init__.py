"""Made-up schools, people and transfers, for trying the service out."""
