"""Server-rendered pages: banner top and bottom, no inline script or style."""

from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from appliance.markings import Label, banner_colours, marking_of, parse
from appliance.markings.colours import COLOURS, colour_name
from appliance.service.settings import ServiceSettings


class Pages:
    """Renders Jinja templates that extend ``base.html``.

    Args:
        settings: names the enclave and its marking.
        templates: the service's own templates, searched before the shared ones.
    """

    def __init__(self, settings: ServiceSettings, templates: Path | None = None) -> None:
        folders = [folder for folder in (templates, Path(__file__).parent / "templates") if folder]
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "enclave": settings.enclave,
            "service": settings.service,
            "root": f"/{settings.service}",
            "demo": bool(settings.settings.get("demo")),
            "colour_name": colour_name,
        }
        background, text = banner_colours(parse(settings.marking, settings.vocabulary))
        tokens = (files("appliance.contract") / "tokens.css").read_text()
        rules = [f".banner {{ background: {background}; color: {text}; }}"]
        rules += [f".marked-{name} {{ background: {back}; color: {ink}; }}" for name, (back, ink) in COLOURS.items()]
        self.theme = tokens + "\n".join([*rules, ""])
        self._style = self.theme + (Path(__file__).parent / "static" / "appliance.css").read_text()
        self._vocabulary = settings.vocabulary

    def render(
        self,
        request: Request,
        template: str,
        status: int = HTTPStatus.OK,
        **values: Any,
    ) -> HTMLResponse:
        """Render ``template`` under the marking of the response.

        Args:
            request: the request that is answered.
            template: name of the template.
            status: HTTP status.
            values: what the template shows; everything is escaped.
        """
        context = getattr(request.state, "context", None)
        page = self._environment.get_template(template).render(
            marking=request.state.classification.marking,
            subject=context.subject if context else "",
            working=marking_of(Label.decode(context.working), self._vocabulary).banner if context else "",
            reading_down=False,
            **values,
        )
        return HTMLResponse(page, status)

    def published(self, template: str, marking: str, **values: Any) -> str:
        """Render ``template`` for readers at higher levels: nobody's page, with its style in it and without scripts."""
        return self._environment.get_template(template).render(
            marking=marking, subject="", working="", reading_down=True, style=self._style, **values
        )
