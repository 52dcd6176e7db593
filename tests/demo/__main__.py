"""`make demo`: live the whole life of the appliance once, and say what happened."""

import argparse
import sys

from rich.console import Console

from appliance.host.platform import is_root
from tests.demo.instance import INSTANCES
from tests.demo.stages import bring_up, live, tear_down


def main() -> int:
    """Run the demonstration; 0 when every stage passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument(
        "action", choices=["run", "up", "down"], help="the whole life; only until it is installed; remove"
    )
    parser.add_argument("--instance", choices=sorted(INSTANCES), default="demo", help="which appliance on this machine")
    arguments = parser.parse_args()
    instance = INSTANCES[arguments.instance]
    if not is_root():
        print("the demonstration makes network namespaces and containers: run it as root", file=sys.stderr)
        return 2
    if arguments.action == "down":
        tear_down(instance)
        return 0
    report = bring_up(instance)
    if arguments.action == "run" and report.passed:
        live(instance, report)
    report.write(instance.build / "demo.json")
    Console().print(report.table())
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
