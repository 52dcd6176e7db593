"""`appliance bundle build`."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from appliance.cli.shared import contents, inputs
from appliance.cli.shared.options import Json, PassphraseFile, print_json, read_passphrase, size
from appliance.errors import ApplianceError

if TYPE_CHECKING:
    from appliance.bundle.build.make import Step


def build(
    *,
    out: Annotated[Path, inputs.new_folder_option("The bundle's folder; made, or brought up to date.")],
    keys: Annotated[
        Path,
        inputs.folder_option(
            "Folder of `appliance keys init`: builder.pem, root/, and people/ unless they sign elsewhere."
        ),
    ],
    cache: Annotated[
        Path | None, inputs.new_folder_option("Kept inputs and layers; /var/cache/appliance if not given.")
    ] = None,
    source: Annotated[
        Path | None, inputs.folder_option("Checkout to build from; the one this command runs from if not given.")
    ] = None,
    since: Annotated[
        Path | None,
        inputs.file_option(
            "Earlier bundle (its metadata suffices) or a host's inventory: --out gets only what it lacks.",
            check=contents.is_earlier,
        ),
    ] = None,
    advisories: Annotated[
        Path | None,
        inputs.file_option(
            "Feed of known vulnerabilities to carry, from `appliance bundle advisories`.", check=contents.is_feed
        ),
    ] = None,
    only: Annotated[str | None, inputs.word_option("IMAGE", "Build this image and its parents alone.")] = None,
    marking: Annotated[str, inputs.marking_option("Classification of the bundle.")] = "UNCLASSIFIED",
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Build a signed bundle from the locked inputs; what has not changed is not built again.

    With --since the whole bundle stays in the cache, and --out is new and small.

    Example: appliance bundle build --out bundle-2 --keys keys --since bundle-1
    """
    from appliance.bundle.build.assemble import people_of, sign  # keeps `appliance --help` quick
    from appliance.bundle.build.attest import attest
    from appliance.bundle.build.make import Step, checkout, default_cache, run_steps
    from appliance.bundle.build.steps import Builder
    from appliance.bundle.media.bootstrap import write_paper
    from appliance.bundle.read.delta import require_empty, write_delta
    from appliance.bundle.read.inventory import earlier_of
    from appliance.trust.fingerprint import fingerprint
    from appliance.trust.repository.chain import RootChain

    began = time.monotonic()
    if not (keys / "root").is_dir():
        raise ApplianceError(
            f"{keys}: holds no root/ of keys",
            rule="--keys is the folder that `appliance keys init` made",
            remedy=f"make keys: appliance keys init {keys}",
        )
    chain = RootChain.load(keys / "root")
    root = fingerprint(chain.roots[0])
    cache = cache or default_cache()
    earlier = earlier_of(since, root) if since else None
    if earlier:
        require_empty(out)
    builder = Builder(
        source or checkout(),
        cache,
        cache / "whole" if earlier else out,
        marking=marking,
        only=only,
        advisories=advisories,
    )
    with StepProgress(shown=not as_json) as progress:
        steps = run_steps(builder, progress.tell)
    secret = read_passphrase(passphrase_file) if passphrase_file else None
    passphrase = (lambda _: secret) if secret else None
    signing = time.monotonic()
    attest(builder, keys, passphrase)
    people = people_of(keys)
    written = sign(builder, keys, passphrase, after=earlier.version if earlier else 0) if people else None
    message = f"version {written.version}, {written.files} targets" if written else "nothing to sign"
    if not people:
        command = f"appliance bundle request {builder.out} --root {keys}/root --out request.json"
        message = f"attested; people sign elsewhere: {command}"
    paper = write_paper(builder.out, out, chain)
    number, seconds = len(steps) + 1, time.monotonic() - signing
    last = Step(number, number, "Sign the bundle", "done" if written else "unchanged", message, seconds)
    StepProgress(shown=not as_json).tell(last)
    carried = write_delta(builder.out, earlier, out, root) if earlier and people else None
    if as_json:
        lines = [asdict(step) for step in (*steps, last)]
        report: dict[str, Any] = {"bundle": str(out.resolve()), "paper": str(paper), "root_fingerprint": root}
        report |= {"steps": lines, "changed": bool(written)}
        print_json(report if carried is None else report | {"carried": [target.path for target in carried]})
    else:
        print(f"bundle   {out.resolve()}, {time.monotonic() - began:.0f} s")
        if carried is not None:
            print(f"carries  {len(carried)} files, {size(sum(target.length for target in carried))}, beside {since}")
        print(f"root     {root}  (compare with the paper)")
        print(f"to print {paper}")


class StepProgress:
    """One line a finished step; on a terminal also which step runs, and for how long.

    Args:
        shown: False for silence.
    """

    def __init__(self, *, shown: bool) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._shown = shown
        self._bar = (
            Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True)
            if shown and sys.stdout.isatty()
            else None
        )
        self._running: Any = None

    def __enter__(self) -> "StepProgress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar:
            self._bar.stop()

    def tell(self, step: "Step") -> None:
        """Show a step."""
        head = f"[{step.number:2}/{step.total}] {step.name}"
        if step.state == "started":
            if self._bar:
                self._running = self._bar.add_task(head, total=None)
            return
        first, *more = step.message.splitlines() or [""]
        lines = [f"{head:<44} {step.seconds:6.1f} s  {first}", *more]
        if self._bar and self._running is not None:
            self._bar.remove_task(self._running)
            self._running = None
        for line in lines if self._shown else []:
            print(line, flush=True)
