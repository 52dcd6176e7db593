"""The commands `appliance monitor`."""
