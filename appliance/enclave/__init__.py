"""The site model, rendering of compose files, admission of containers and networks."""
