"""The enclaves' data: backup, import and export, erasure."""
