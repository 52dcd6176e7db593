"""What routes ask for by type: the context of the request, the pages, those published, the way to the monitor."""

from typing import Annotated

from fastapi import Depends, Request

from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import CurrentContext, CurrentToken
from appliance.service.web.pages import Pages
from appliance.service.web.published import Published

__all__ = ["CurrentContext", "CurrentMonitor", "CurrentPages", "CurrentPublished", "CurrentToken"]


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def _monitor(request: Request) -> MonitorClient:
    monitor: MonitorClient = request.app.state.monitor
    return monitor


def _published(request: Request) -> Published:
    published: Published = request.app.state.published
    return published


CurrentPages = Annotated[Pages, Depends(_pages)]
CurrentMonitor = Annotated[MonitorClient, Depends(_monitor)]
CurrentPublished = Annotated[Published, Depends(_published)]
