"""What routes ask for by type: the context of the request, the pages, those published, the way to the monitor."""

from typing import Annotated

from fastapi import Depends, Request

from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import CurrentContext, CurrentToken
from appliance.service.web.pages import Pages
from appliance.service.web.published import Published

__all__ = [
    "CurrentContext",
    "CurrentMonitor",
    "CurrentPages",
    "CurrentPublished",
    "CurrentToken",
    "monitor_of",
    "pages_of",
    "published_of",
]


def pages_of(request: Request) -> Pages:
    """The pages of the service."""
    pages: Pages = request.app.state.pages
    return pages


def monitor_of(request: Request) -> MonitorClient:
    """The way to the log."""
    monitor: MonitorClient = request.app.state.monitor
    return monitor


def published_of(request: Request) -> Published:
    """What the service publishes for sessions at higher levels."""
    published: Published = request.app.state.published
    return published


CurrentPages = Annotated[Pages, Depends(pages_of)]
CurrentMonitor = Annotated[MonitorClient, Depends(monitor_of)]
CurrentPublished = Annotated[Published, Depends(published_of)]
