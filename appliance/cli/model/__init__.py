"""The commands `appliance model`."""
