"""`appliance model`."""

import typer

app = typer.Typer(help="Certify models from their evaluation results.", no_args_is_help=True)
