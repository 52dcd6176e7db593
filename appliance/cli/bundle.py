"""`appliance bundle`."""

import typer

app = typer.Typer(help="Build, verify and inspect bundles.", no_args_is_help=True)
