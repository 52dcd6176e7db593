"""What is written and read. Every statement runs in a transaction that a context admitted.

Rows are taken of each restriction that the reader may read by itself, through an index that begins with it: rows of
other restrictions are never looked at, and cost no time.
"""
