"""What a host holds: generations, folders, copies, certificates, the monitor's process."""
