"""The JSON interface below ``/labeling/api/``."""

from . import annotating, exports, files, ontologies, projects, reviewing, tiles, versions

ROUTERS = (
    projects.router,
    annotating.router,
    versions.router,
    ontologies.router,
    reviewing.router,
    exports.router,
    files.router,
    tiles.router,
)
