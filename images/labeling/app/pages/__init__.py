"""The pages below ``/labeling/``."""

from . import annotating, conduct, creating, files, ontologies, projects, reviewing, versions

ROUTERS = (
    projects.router,
    creating.router,
    annotating.router,
    conduct.router,
    versions.router,
    ontologies.router,
    reviewing.router,
    files.router,
)
