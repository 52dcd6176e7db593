"""The worksheet of a spill: what a trace found, in the steps of NIST SP 800-53 Rev. 5, IR-9, a to g."""

from pathlib import Path

from appliance.audit.events.marked import colours, marking_text
from appliance.audit.review.spill import Trace, moment
from appliance.errors import ApplianceError

FORMS = {".html": "spill.html", ".md": "spill.md"}


def worksheet(found: Trace, form: str, *, origin: str, officer: str, now: int) -> str:
    """The worksheet as a page or as Markdown; it is marked with the join of the records that it shows.

    Args:
        found: the trace.
        form: ``.html`` or ``.md``.
        origin: name of the log.
        officer: who traces.
        now: milliseconds since the epoch.

    Raises:
        ApplianceError: another form.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only a worksheet needs it

    if form not in FORMS:
        raise ApplianceError(
            f"a worksheet ends with .html or .md, not with {form or 'nothing'}",
            rule="the worksheet of IR-9 is written as HTML or Markdown",
            remedy="name it for example spill.html",
        )
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=form == ".html",  # noqa: S701  # the other form is Markdown; ``cell`` escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = lambda text: str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    background, colour = colours(found.label)
    return environment.get_template(FORMS[form]).render(
        found=found,
        marking=marking_text(found.label),
        background=background,
        colour=colour,
        origin=origin,
        officer=officer,
        now=moment(now),
        moment=moment,
    )
