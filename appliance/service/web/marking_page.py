"""The page "why is this banner right?", which every service has at ``/<service>/markings``.

What is typed there is in no address, no record and no log: it comes in the body of a request, and the answer alone
holds it.
"""

from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import FastAPI, HTTPException, Request, Response

from appliance.markings import Label
from appliance.service.settings import ServiceSettings
from appliance.service.web.marking_check import MOST_LINES, Checked, check_typed
from appliance.service.web.pages import Pages

LONGEST = 50_000
"""Most bytes of a form: 200 lines of 250."""


def add_marking_page(app: FastAPI, settings: ServiceSettings, pages: Pages, *, live: bool) -> None:
    """Let a service answer the page.

    Args:
        app: the service.
        settings: name the service and the enclave's label.
        pages: renders.
        live: whether the image has htmx, with which the page answers while somebody types.
    """
    enclave = Label.decode(settings.label)
    path = f"/{settings.service}/markings"

    def show(request: Request, template: str, checked: Checked | None, status: int) -> Response:
        return pages.render(
            request,
            template,
            status,
            checked=checked,
            live=live,
            profile=settings.profile,
            rules=settings.vocabulary.rules,
            most=MOST_LINES,
        )

    @app.get(path)
    async def marking_form(request: Request) -> Response:
        """A page on which people type portion marks and see the banner that they demand, with every rule behind it."""
        return show(request, "markings.html", None, HTTPStatus.OK)

    @app.post(path)
    async def marking_answer(request: Request) -> Response:
        """The banner that portion marks demand, and why; a page is 409 where one of them is above the enclave."""
        body = await request.body()
        if len(body) > LONGEST:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LONGEST} bytes of portion marks")
        try:
            form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
        except ValueError as error:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the form has two fields") from error
        portions, banner = (form.get(name, [""])[0] for name in ("portions", "banner"))
        checked = check_typed(portions, banner, enclave, settings.vocabulary)
        if "HX-Request" in request.headers:
            return show(request, "markings_fragment.html", checked, HTTPStatus.OK)
        status = HTTPStatus.CONFLICT if checked.above else HTTPStatus.OK
        return show(request, "markings.html", checked, status)
