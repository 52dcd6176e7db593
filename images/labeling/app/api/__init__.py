"""The JSON interface below ``/labeling/api/``."""

from fastapi import APIRouter

from . import annotating, exports, projects, reviewing

router = APIRouter(prefix="/labeling/api")
for module in (projects, annotating, reviewing, exports):
    router.include_router(module.router)
