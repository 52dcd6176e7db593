"""Figures of the command line: what it costs to be told what there is."""

import resource
import statistics
import subprocess
import sys

from tests.bench.measure import alternate, at_most

ROUNDS = 9
HELP = (sys.executable, "-m", "appliance.cli.main", "--help")
REFERENCE = (sys.executable, "-c", "import typer")


def measurements() -> list[dict[str, object]]:
    """The figures, in the form of ``build/bench.json``."""
    processor_milliseconds(HELP)  # the first start writes the compiled modules
    pairs = alternate(lambda: processor_milliseconds(HELP), lambda: processor_milliseconds(REFERENCE), ROUNDS)
    helps, imports = (statistics.median(column) for column in zip(*pairs, strict=True))
    reference = f"python -c 'import typer': {imports:.0f} ms of processor time, alternating"
    return [at_most("cli.help", helps, "milliseconds", 250, reference).model_dump()]


def processor_milliseconds(command: tuple[str, ...]) -> float:
    """Processor time of a command and what it started, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
