"""`appliance host`."""

import typer

app = typer.Typer(help="Install, check and remove the appliance on this host.", no_args_is_help=True)
