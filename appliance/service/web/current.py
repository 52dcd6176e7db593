"""What routes ask for by type: the context of the request, the pages, the way to the monitor."""

from typing import Annotated

from fastapi import Depends, Request

from appliance.service.monitor import MonitorClient
from appliance.service.web.middleware import CurrentContext, CurrentToken
from appliance.service.web.pages import Pages

__all__ = ["CurrentContext", "CurrentMonitor", "CurrentPages", "CurrentToken"]


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def _monitor(request: Request) -> MonitorClient:
    monitor: MonitorClient = request.app.state.monitor
    return monitor


CurrentPages = Annotated[Pages, Depends(_pages)]
CurrentMonitor = Annotated[MonitorClient, Depends(_monitor)]
