"""The commands `appliance bundle`."""
