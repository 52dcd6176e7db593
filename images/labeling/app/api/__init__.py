"""The JSON interface below ``/labeling/api/``."""

from . import annotating, conduct, exports, files, ontologies, projects, reviewing, tiles, versions

ROUTERS = (
    projects.router,
    annotating.router,
    conduct.router,
    versions.router,
    ontologies.router,
    reviewing.router,
    exports.router,
    files.router,
    tiles.router,
)
