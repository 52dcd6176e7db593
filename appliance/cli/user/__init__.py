"""The commands `appliance user`."""
