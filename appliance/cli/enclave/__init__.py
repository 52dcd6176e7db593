"""The commands `appliance enclave`."""
