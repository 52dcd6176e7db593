"""What a service publishes for sessions at higher levels, which may not ask it: whole pages and JSON, without scripts.

A page is laid into the folder ``published`` of the service's volume, the monitor copies it out, and it is gone from the
volume. It is the same for every reader: it holds nothing of a need-to-know group and nothing of whoever published it.
"""

import json
from pathlib import Path
from typing import Any

from appliance.service.monitor import MonitorClient
from appliance.service.settings import ServiceSettings
from appliance.service.web.pages import Pages
from appliance.service.web.responses import Classification

FOLDER = "published"


class Published:
    """The published pages of one service.

    Args:
        settings: of the service; its marking is the pages'.
        pages: renders its templates.
        monitor: takes what is published.
        state: the service's own volume.
    """

    def __init__(self, settings: ServiceSettings, pages: Pages, monitor: MonitorClient, state: Path) -> None:
        self._classification = Classification(marking=settings.marking)
        self._pages = pages
        self._monitor = monitor
        self._folder = state / FOLDER

    async def page(self, path: str, template: str, **values: Any) -> None:
        """Publish ``template``, which knows that it is read from above by ``reading_down``, as the page at ``path``.

        Raises:
            NotRecordedError: the monitor does not take it.
        """
        await self._publish(path, "html", self._pages.published(template, self._classification.marking, **values))

    async def value(self, path: str, value: dict[str, Any]) -> None:
        """Publish ``value`` with its marking as the JSON at ``path``.

        Raises:
            NotRecordedError: the monitor does not take it.
        """
        marked = value | {"classification": self._classification.model_dump()}
        await self._publish(path, "json", json.dumps(marked, ensure_ascii=False, separators=(",", ":"), default=str))

    async def _publish(self, path: str, kind: str, text: str) -> None:
        self._folder.mkdir(exist_ok=True)
        file = self._folder / f"{path[1:].replace('/', ',')}.{kind}"
        file.write_text(text)
        try:
            await self._monitor.publish(path, kind)
        finally:
            file.unlink(missing_ok=True)
