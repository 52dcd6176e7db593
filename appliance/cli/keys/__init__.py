"""The commands `appliance keys`."""
