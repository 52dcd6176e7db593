"""`appliance marking`."""

import typer

app = typer.Typer(help="Parse, check, roll up and compare classification markings.", no_args_is_help=True)
