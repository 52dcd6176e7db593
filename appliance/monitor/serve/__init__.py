"""The monitor's process: its sockets, and what is answered on each."""
