"""What an evaluation asks besides MarkBench, suites as data, and how answers become item results."""
