"""Finding passages: which part of one answers a question, and one order out of several."""
