"""The FastAPI application that every service starts from."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from appliance.contract.known_keys import KnownKeys
from appliance.errors import ApplianceError
from appliance.service import log
from appliance.service.monitor import NotRecordedError
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.marking_page import add_marking_page
from appliance.service.web.middleware import Boundary
from appliance.service.web.pages import Pages
from appliance.service.web.responses import MarkedJSONResponse, error_body, first_problem

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    settings: ServiceSettings,
    paths: Paths,
    *,
    templates: Path | None = None,
    assets: Path | None = None,
    lifespan: Lifespan | None = None,
    max_body: int = 1 << 20,
) -> FastAPI:
    """An application that refuses requests without the monitor's context and marks every response.

    Mount routes below ``/<service>/``. ``/<service>/health`` answers without a context, ``/<service>/markings``
    explains markings, ``/<service>/static/`` serves the shared style sheet, ``/<service>/vendor/`` the image's
    vendored browser files. ``app.state.pages`` renders.

    Args:
        settings: the service's settings.
        paths: where keys and vendored files are.
        templates: folder of the service's own Jinja templates.
        assets: folder of the service's own browser files, served below ``/<service>/assets/``.
        lifespan: what the service starts and stops.
        max_body: largest request body, in bytes.

    Raises:
        ApplianceError: the monitor's public key is missing or is not 32 bytes.
    """
    log.configure(settings)
    app = FastAPI(
        title=settings.service,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        default_response_class=MarkedJSONResponse,
        lifespan=lifespan,
    )
    public_key = KnownKeys(paths.secrets / "monitor.pub")
    app.add_middleware(Boundary, settings=settings, public_key=public_key, max_body=max_body)
    pages = app.state.pages = Pages(settings, templates)

    @app.get(f"/{settings.service}/health")
    async def health() -> dict[str, str]:
        """Whether the process answers. It needs no context."""
        return {"status": "ok"}

    @app.get(f"/{settings.service}/static/theme.css")
    async def theme() -> Response:
        """The design tokens of all pages, and the colours of the banners."""
        return Response(pages.theme, media_type="text/css")

    add_marking_page(app, settings, pages, live=(paths.static / "htmx.min.js").is_file())
    app.mount(f"/{settings.service}/static", StaticFiles(directory=Path(__file__).parent / "static"))
    for name, folder in (("vendor", paths.static), ("assets", assets)):
        if folder is not None and folder.is_dir():
            app.mount(f"/{settings.service}/{name}", StaticFiles(directory=folder))
    _handle_errors(app, pages)
    return app


def read_key(path: Path) -> bytes:
    """Read a key of 32 raw bytes.

    Raises:
        ApplianceError: it is missing or has another length.
    """
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ApplianceError(
            f"{path}: cannot be read: {error.strerror}", rule="a service needs the key by which it knows contexts"
        ) from error
    if len(key) != 32:
        raise ApplianceError(f"{path}: has {len(key)} bytes", rule="the keys of contexts are 32 raw bytes")
    return key


def _handle_errors(app: FastAPI, pages: Pages) -> None:
    def answer(request: Request, status: int, message: str | None, *, rule: str = "", remedy: str = "") -> Response:
        if request.headers.get("accept", "").startswith("text/html"):
            return pages.render(
                request, "error.html", status, message=message or HTTPStatus(status).phrase, remedy=remedy
            )
        return MarkedJSONResponse(error_body(status, message, rule=rule, remedy=remedy), status)

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - the registration below says so; for the type checker
        if error.status_code in {404, 405}:
            return answer(request, 404, None)  # absence, refusal and a wrong method look the same
        return answer(request, error.status_code, error.detail)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
        if all(problem["loc"][0] == "path" for problem in error.errors()):
            return answer(request, 404, None)  # what is no identifier identifies nothing
        return answer(request, 422, first_problem(error))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApplianceError)  # noqa: S101 - as above
        status = 503 if isinstance(error, NotRecordedError) else 409
        return answer(request, status, error.message, rule=error.rule, remedy=error.remedy)

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ApplianceError, refused)
