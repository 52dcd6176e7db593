"""The pages below ``/labeling/``."""

from . import annotating, creating, files, projects, reviewing, versions

ROUTERS = (
    projects.router,
    creating.router,
    annotating.router,
    versions.router,
    reviewing.router,
    files.router,
)
