"""The commands `appliance host`."""
