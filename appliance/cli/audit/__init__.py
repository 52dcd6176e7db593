"""The commands `appliance audit`."""
