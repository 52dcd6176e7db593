"""The demonstration: sysadmin, officers and users live the whole life of the appliance, scripted, with its real parts.

Every step runs a command of the appliance or talks to a gateway as a user would; nothing reaches inside.
"""
