"""The example of a service: notes of a team."""
