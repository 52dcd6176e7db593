"""Reading a finished bundle: verify, inspect, compare, shorten."""
