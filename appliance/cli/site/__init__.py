"""The commands `appliance site`."""
