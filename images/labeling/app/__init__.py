"""Labeling: projects, tasks and the preferences of annotators who are blind to each other."""
