"""`appliance-demo`: a whole site on this machine, to try out.

It builds a bundle, carries it to a host whose network is cut, installs it there, and has stand-ins evaluate, certify,
label, ask, be refused and audit. The site then keeps running for you. All keys are DEMO keys: trust nothing here.
"""

import argparse
import sys

from appliance.host.enforce.platform import is_root
from demo import browse, closing, stages, tour
from demo.instance import INSTANCES, PEOPLE, Instance, StageError, run_inside
from demo.report import Report

EXAMPLES = """examples:
  appliance-demo start               build, install, use; the site keeps running
  appliance-demo browse analyst      a browser with the analyst's certificate, at the page to ask the model
  appliance-demo browse officer      the officer's console
  appliance-demo tour                six things that the site promises, shown, one key a step
  appliance-demo run host status     any command of `appliance`, inside the site's network
  appliance-demo stop                remove the site; keys and caches stay"""


def main() -> int:
    """Run one command; 0 when it did what it should, 1 when not, 2 on wrong usage."""
    arguments = _parser().parse_args()
    instance = INSTANCES[arguments.instance]
    if not is_root():
        print(
            "refused: the demonstration makes network namespaces and containers, which root alone can", file=sys.stderr
        )
        print(" remedy: put sudo before the command", file=sys.stderr)
        return 1
    try:
        return int(arguments.action(instance, arguments))
    except StageError as error:
        print(f"refused: {error.cause}", file=sys.stderr)
        if error.remedy:
            print(f" remedy: {error.remedy}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance-demo",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--instance", choices=sorted(INSTANCES), default="demo", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    start = commands.add_parser("start", help="build, install and use a site; it keeps running")
    start.add_argument("--install-only", action="store_true", help="stop before anybody uses it")
    start.set_defaults(action=_start)
    one = commands.add_parser("browse", help="open a browser as one of the site's people")
    one.add_argument("person", choices=sorted(PEOPLE), metavar="PERSON", help=", ".join(PEOPLE))
    one.add_argument("enclave", nargs="?", choices=["unclassified", "secret", "system-high"], metavar="ENCLAVE")
    one.set_defaults(action=lambda instance, given: browse.browse(instance, given.person, given.enclave))
    shown = commands.add_parser("tour", help="see what the site promises, one key a step")
    shown.add_argument("--no-keys", action="store_true", help="wait for no key")
    shown.add_argument("--json", action="store_true", help="print what was seen as JSON; waits for no key")
    shown.set_defaults(action=_tour)
    inside = commands.add_parser("run", help="run a command of `appliance` inside the site's network")
    inside.add_argument("words", nargs=argparse.REMAINDER, metavar="WORDS", help="for example: host status")
    inside.set_defaults(action=lambda instance, given: run_inside(instance, given.words))
    commands.add_parser("show", help="say again where the site is and who works there").set_defaults(
        action=lambda instance, _: closing.show(instance)
    )
    commands.add_parser("stop", help="remove the site; keys and caches stay").set_defaults(action=_stop)
    return parser


def _tour(instance: Instance, arguments: argparse.Namespace) -> int:
    return tour.tour(instance, wait=not (arguments.no_keys or arguments.json), as_json=arguments.json)


def _start(instance: Instance, arguments: argparse.Namespace) -> int:
    installation, answer = stages.installation(instance), stages.first_answer(instance)
    total = len(installation)
    if not arguments.install_only:
        total += len(answer) + len(stages.exercises(instance, Report(instance.log, 0)))
    report = stages.begin(instance, total)
    try:
        if report.run(installation) and not arguments.install_only and report.run(answer):
            print(closing.ready(report))
            report.run(stages.exercises(instance, report))
    finally:
        report.write(instance.build / "demo.json")
    print(closing.screen(instance, report))
    return 0 if report.passed else 1


def _stop(instance: Instance, _: argparse.Namespace) -> int:
    stages.tear_down(instance)
    browse.forget(instance)
    print("the site is gone; keys and caches stay (build/, /var/cache/appliance)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
