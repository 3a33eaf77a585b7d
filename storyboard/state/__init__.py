"""What is kept from one run to the next: the ledger, the store of takes, and lock files."""
