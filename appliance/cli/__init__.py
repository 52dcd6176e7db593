"""The command `appliance`, one module a subcommand."""
