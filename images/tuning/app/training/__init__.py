"""What runs in a process of its own: the loop. It has no key of the service, no database and no way to the gateway."""
