"""The command `appliance`: subcommands, and the one place where a refusal becomes text and an exit code."""

import json
import sys
from typing import NoReturn

import typer

from appliance import __version__
from appliance.cli import audit, bundle, enclave, host, keys, marking, model, monitor, site, spill, user
from appliance.errors import ApplianceError

app = typer.Typer(
    name="appliance",
    help="Carry, prove, install and run the MLS appliance on a host without a network.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (keys, bundle, site, user, enclave, host, model, audit, spill, monitor, marking):
    app.add_typer(module.app, name=module.__name__.rsplit(".", 1)[1])


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def run() -> None:
    """Run the command; exit 0 when done, 1 when refused, 2 on wrong usage, 3 when discs are missing."""
    try:
        app()
    except ApplianceError as error:
        _refuse(error)
    except OSError as error:
        what = f"{error.filename or 'the host'}: {error.strerror or error}"
        _refuse(ApplianceError(what, remedy="see that it is there, writable and on a disk with room"))


def _refuse(error: ApplianceError) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps(error.as_dict()))
    else:
        print(f"refused: {error.message}", file=sys.stderr)
        if error.rule:
            print(f"   rule: {error.rule}", file=sys.stderr)
        if error.remedy:
            print(f" remedy: {error.remedy}", file=sys.stderr)
    sys.exit(error.status)


if __name__ == "__main__":
    run()
