"""A year of a site, day by day, under a clock that is moved (libfaketime)."""

import os
import select
import time

if "FAKETIME_TIMESTAMP_FILE" in os.environ:
    # libfaketime 0.9.10 refuses clock_nanosleep() to a moment of the monotonic clock, which time.sleep() asks for.
    def sleep(seconds: float, /) -> None:
        """Sleep as time.sleep() does."""
        select.select([], [], [], seconds)

    time.sleep = sleep  # type: ignore[assignment]  # it takes what has __index__ besides
