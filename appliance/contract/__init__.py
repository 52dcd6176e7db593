"""What two parties of the appliance agree on: what a service is, in one manifest, and all of them in one catalogue."""
