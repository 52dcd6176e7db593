"""What an accreditor asks for: one archive with the controls, what was found of them here, and the evidence."""
