"""`appliance monitor`."""

import typer

app = typer.Typer(help="Run the reference monitor.", no_args_is_help=True)
