"""`appliance site`."""

import typer

app = typer.Typer(help="Check and sign the site's own statements: enclaves, subjects, access.", no_args_is_help=True)
