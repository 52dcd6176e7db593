"""`appliance evidence`."""
