"""The red team: conversations against a candidate, two blind ratings of each, findings, and a regression pack."""
