"""The events of the log: their kinds, their form, and other forms of them."""
