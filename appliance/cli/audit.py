"""`appliance audit`."""

import typer

app = typer.Typer(help="Verify, review and export the audit log.", no_args_is_help=True)
