"""How good answers are: agreement, what is probably true, and who behaves oddly.

All of it is computed from the answers of one restriction. A skill or a prior that was computed across restrictions
would tell a reader of the lower one about the higher.
"""
