"""What is written and read, and in which order. Every statement runs in a transaction that a context admitted.

A page of tasks, a claim and an export take the rows of each restriction that the reader may read through an index that
begins with project and restriction. So rows of other restrictions are never looked at, and cost no time.
"""
