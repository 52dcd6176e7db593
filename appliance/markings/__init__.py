"""Marking text, labels and the lattice they form. No I/O; imports nothing else of the appliance."""
