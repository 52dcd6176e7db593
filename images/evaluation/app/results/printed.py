"""The report of a job as a file, HTML or PDF: marked, and the same bytes for the same results."""

from dataclasses import dataclass

import pydyf

from appliance.contract.tiers import percent
from workbench.statistics.intervals import Interval

from ..model import Job
from .report import Row
from .sheet import Draw, Sheet
from .summary import Summary

IDLE = ", not shown to be better than always giving the most frequent answer"
KEY = """Value with its 95 % interval. In the chart, from 0 to 1, the thick line is what the tier demands, and the thin
ones are what the rule engine and the most frequent answer reach."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says.

    Attributes:
        job: the job.
        summary: its results.
        marking: the banner.
    """

    job: Job
    summary: Summary
    marking: str

    @property
    def title(self) -> str:
        """Title of the report."""
        return f"Evaluation of {self.job.model}: {self.job.title}"

    @property
    def verdict(self) -> str:
        """What came of it, in a sentence."""
        if self.job.look:
            return "A look at one suite: it tries no tier and proves no bound."
        return f"{self.job.tier} is {'reached' if self.job.reached else 'not reached'}."

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why its tier was not reached."""
        return () if self.job.look else self.job.reasons

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Who evaluated what, when and how."""
        job, summary = self.job, self.summary
        items = f"hold-out {job.generation}, attempt {job.attempt}" if job.generation else "published items: practice"
        engine = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in sorted(summary.parameters.items()))
        groups = [("Only for members of", ", ".join(job.need_to_know))] if job.need_to_know else []
        return [
            *groups,
            ("Evaluated by", f"{job.evaluator}, job {job.id}"),
            ("When", f"{job.started or job.queued:%Y-%m-%d %H:%M} to {job.finished or job.queued:%Y-%m-%d %H:%M} UTC"),
            ("Items", f"{job.answered} of {job.items}; {items}"),
            ("Model file", f"sha256:{summary.model_sha256}"),
            ("Engine image", summary.engine_image),
            ("Parameters", engine),
            *(
                (
                    f"Suite {one.suite}",
                    f"{one.items} items, definition {one.sha256}, commitment {one.hold_out.commitment}",
                )
                for one in summary.suites
            ),
            ("Certification policy", f"sha256:{summary.policy}"),
            ("Results", f"sha256:{summary.results_sha256}"),
            ("Log", f"sha256:{summary.log_sha256}"),
        ]


def demand(row: Row) -> str:
    """What the tier demands of a measure, and whether it is met."""
    if row.threshold is None:
        return ""
    side = "at most" if row.threshold.upper is not None else "at least"
    found = f", bound {percent(row.bound.bound)}" if row.bound else ""
    return f"{side} {percent(row.threshold.upper or row.threshold.lower or 0)}: {'met' if row.met else 'missed'}{found}"


def pdf(report: Report) -> bytes:
    """The report as PDF."""
    sheet = Sheet(report.title, report.marking)
    sheet.text(report.title, 17, bold=True)
    sheet.text(report.verdict, 11, bold=True)
    for reason in report.reasons:
        sheet.text(f"- {reason}", indent=8)
    sheet.heading("Measures")
    sheet.text(KEY, 8.5)
    rows = [
        (
            f"{row.measure}{' (less is better)' if row.bad else ''}{IDLE if row.idle else ''}",
            f"{row.interval.value:.3f} ({row.interval.low:.3f} to {row.interval.high:.3f})",
            _chart(row),
            demand(row),
            f"{row.n} in {row.clusters}",
        )
        for row in report.summary.rows
    ]
    sheet.table(("Measure", "Value", "From 0 to 1", "Demand", "Items in clusters"), rows, (5, 4, 4, 4, 2.6))
    for part in report.summary.suites:
        if len(part.slices) > 1:
            sheet.heading(f"{part.suite} by kind of item", 11)
            kinds = [
                (one.name, f"{one.interval.value:.2f} ({one.interval.low:.2f} to {one.interval.high:.2f})",
                 _interval(one.interval), str(one.n), ", ".join(o.removeprefix(f"{part.suite}.") for o in one.worst))
                for one in part.slices
            ]  # fmt: skip
            sheet.table(("Kind", "Value", "From 0 to 1", "Items", "Went wrong, among others"), kinds, (4, 4, 4, 1.6, 6))
    sheet.heading("What was evaluated")
    sheet.table(("", ""), report.facts, (2.4, 10))
    return sheet.data()


def _chart(row: Row) -> Draw:
    limit = (row.threshold.upper or row.threshold.lower) if row.threshold else None
    return _interval(row.interval, limit, (row.rules, row.majority))


def _interval(found: Interval, limit: float | None = None, marks: tuple[float | None, ...] = ()) -> Draw:
    def draw(stream: pydyf.Stream, x: float, y: float, room: float) -> None:
        def place(value: float) -> float:
            return round(x + max(0.0, min(1.0, value)) * room, 2)

        def line(at: float, half: float, thick: float, grey: float) -> None:
            stream.set_color_rgb(grey, grey, grey, stroke=True)
            stream.set_line_width(thick)
            stream.move_to(place(at), y - half)
            stream.line_to(place(at), y + half)
            stream.stroke()

        stream.set_color_rgb(0.7, 0.7, 0.7, stroke=True)
        stream.set_line_width(0.5)
        stream.move_to(place(0), y)
        stream.line_to(place(1), y)
        stream.stroke()
        stream.set_color_rgb(0.65, 0.75, 0.87)
        stream.rectangle(place(found.low), y - 3, max(1.0, place(found.high) - place(found.low)), 6)
        stream.fill()
        for mark in marks:
            if mark is not None:
                line(mark, 3.5, 0.6, 0.3)
        if limit is not None:
            line(limit, 5.5, 1.6, 0.0)
        stream.set_color_rgb(0.02, 0.31, 0.68)
        stream.rectangle(place(found.value) - 1.75, y - 1.75, 3.5, 3.5)
        stream.fill()
        stream.set_color_rgb(0, 0, 0)

    return draw
