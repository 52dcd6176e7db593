"""The JSON interface below ``/labeling/api/``."""

from . import annotating, exports, files, projects, reviewing, tiles, versions

ROUTERS = (
    projects.router,
    annotating.router,
    versions.router,
    reviewing.router,
    exports.router,
    files.router,
    tiles.router,
)
