"""`appliance keys`."""

import typer

app = typer.Typer(help="Make and use the keys of people.", no_args_is_help=True)
