"""The pages below ``/labeling/``."""

from . import annotating, creating, files, projects, reviewing

ROUTERS = (projects.router, creating.router, annotating.router, reviewing.router, files.router)
