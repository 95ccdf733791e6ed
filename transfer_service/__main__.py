"""`python -m transfer_service` is the `transfer-service` command."""

from transfer_service.cli import main

if __name__ == "__main__":
    main()
