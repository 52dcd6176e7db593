"""The pages below ``/labeling/``."""

from . import annotating, creating, files, ontologies, projects, reviewing, versions

ROUTERS = (
    projects.router,
    creating.router,
    annotating.router,
    versions.router,
    ontologies.router,
    reviewing.router,
    files.router,
)
