"""The classes of a project, how they change, and what older answers say in the classes of today."""
