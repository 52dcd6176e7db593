"""One step of a build, for the Ansible roles: `python -m appliance.bundle [options] STEP [IMAGE]`.

Prints the step's result as JSON; a refusal goes to standard error as JSON.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.bundle.build.cache import exclusive
from appliance.bundle.build.steps import Builder, StepResult
from appliance.errors import ApplianceError


def main() -> int:
    """Run one step."""
    os.umask(0o022)  # modes in an image don't depend on who builds it
    arguments = _parse()
    try:
        builder = Builder(
            arguments.source,
            arguments.cache,
            arguments.out,
            marking=arguments.marking,
            only=arguments.only or None,
            advisories=arguments.advisories,
        )
        steps: dict[str, Callable[[], StepResult]] = {
            "lock": builder.write_new_lock,
            "debian": builder.collect_debian,
            "python": builder.collect_python,
            "javascript": builder.collect_javascript,
            "image": lambda: builder.build_image(arguments.image),
            "model": builder.unpack_model,
            "assemble": lambda: _assemble(builder),
        }
        with exclusive(arguments.cache):
            sys.stdout.write(steps[arguments.step]().model_dump_json() + "\n")
    except ApplianceError as error:
        sys.stderr.write(json.dumps(error.as_dict()) + "\n")
        return 1
    return 0


def _assemble(builder: Builder) -> StepResult:
    from appliance.bundle.build.assemble import assemble  # noqa: PLC0415  # its libraries take a second to load

    return assemble(builder)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m appliance.bundle")
    parser.add_argument("--source", type=Path, default=Path.cwd())
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("build/bundle"))
    parser.add_argument("--marking", default="UNCLASSIFIED")
    parser.add_argument("--only", default="")
    parser.add_argument("--advisories", type=Path)
    parser.add_argument("step", choices=["lock", "debian", "python", "javascript", "image", "model", "assemble"])
    parser.add_argument("image", nargs="?")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
