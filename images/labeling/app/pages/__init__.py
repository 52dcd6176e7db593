"""The pages below ``/labeling/``."""

from . import annotating, creating, projects, reviewing

ROUTERS = (projects.router, creating.router, annotating.router, reviewing.router)
