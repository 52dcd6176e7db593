"""What is asked on a host that runs: each check says what it saw, and what cannot be looked at is not tested."""
