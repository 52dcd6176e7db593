"""From text to the parts of a marking, with every departure from the grammar."""
