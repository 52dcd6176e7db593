"""The commands `appliance marking`."""
