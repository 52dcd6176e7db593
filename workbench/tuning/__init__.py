"""From a version of labeled data to an adapter: what is trained on, how, what comes of it, and what may be loaded."""
