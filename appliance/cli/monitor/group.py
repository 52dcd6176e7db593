"""`appliance monitor`."""

import logging
import os

from appliance.cli.shared.commands import Commands
from appliance.cli.shared.options import LOG_UMASK, ROOT, RUN, Root, Run

app = Commands("monitor")


@app.callback()
def group() -> None:
    """Run the reference monitor."""


@app.command()
def run(
    root: Root = ROOT,
    run: Run = RUN,
) -> None:
    """Run the monitor in the foreground, as its unit or the installer does.

    Example: appliance monitor run
    """
    import asyncio

    import structlog

    from appliance.enclave.paths import HostPaths
    from appliance.monitor.serve.daemon import serve
    from appliance.monitor.serve.quiet import Quiet

    os.umask(LOG_UMASK)
    structlog.configure(
        processors=[
            Quiet(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    asyncio.run(serve(HostPaths(root, run)))
