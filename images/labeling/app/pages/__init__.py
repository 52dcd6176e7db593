"""The pages below ``/labeling/``."""

from fastapi import APIRouter

from . import annotating, creating, projects, reviewing

router = APIRouter(prefix="/labeling")
for module in (projects, creating, annotating, reviewing):
    router.include_router(module.router)
