"""`appliance user`."""

import typer

app = typer.Typer(help="Issue certificates for the site's subjects.", no_args_is_help=True)
