"""The commands `appliance spill`."""
