"""What the services inside the images share: context verification, marking of responses, pages and the monitor.

Nothing is imported here: the command `appliance` uses the certificate on hosts that have no FastAPI.
"""
