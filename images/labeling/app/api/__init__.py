"""The JSON interface below ``/labeling/api/``."""

from . import annotating, exports, files, projects, reviewing

ROUTERS = (projects.router, annotating.router, reviewing.router, exports.router, files.router)
