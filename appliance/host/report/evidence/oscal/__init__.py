"""The documents of OSCAL 1.2.3 (NIST), made of the table of controls and of what was found."""
