"""`appliance monitor`."""

import asyncio
import logging
import os

import structlog
import typer

from appliance.cli.options import LOG_UMASK, ROOT, RUN, Root, Run
from appliance.enclave.render import HostPaths

app = typer.Typer(help="Run the reference monitor.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Run the reference monitor."""


@app.command()
def run(
    root: Root = ROOT,
    run: Run = RUN,
) -> None:
    """Run the monitor in the foreground, as its unit or the installer does."""
    from appliance.monitor.daemon import serve  # noqa: PLC0415

    os.umask(LOG_UMASK)
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    asyncio.run(serve(HostPaths(root, run)))
