"""When and where each subject last opened a session, and what was refused to them since (NIST SP 800-53 AC-9).

Kept in one small file, so that a restart forgets nothing but the last moment before a crash. It is written beside the
decisions and not as a part of them, so that whoever is refused again and again keeps nobody waiting for a disk; what
was decided is in the audit log. An enclave's page tells only of enclaves whose label its own
dominates: that somebody worked at a higher level is itself information of that level.
"""

import asyncio
import json
from collections.abc import Collection
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from appliance.trust.files import replace_file

log = structlog.get_logger()


class Use(BaseModel):
    """A subject at one enclave.

    Attributes:
        opened: when their last session was opened, in seconds since the epoch; None when none was.
        failed: attempts that were refused since then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    opened: float | None = None
    failed: int = 0


class Notice(BaseModel):
    """What a subject is told when they open a session.

    Attributes:
        opened: when their last session was opened, in seconds since the epoch; None when none was.
        enclave: at which enclave.
        failed: attempts that were refused since then, at all enclaves that may be told of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    opened: float | None = None
    enclave: str | None = None
    failed: int = 0


_Uses = TypeAdapter(dict[str, dict[str, Use]])


class LastUse:
    """The last use of every subject, by enclave.

    Args:
        file: where it is kept; begins empty when absent, or when it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = False
        self._uses: dict[str, dict[str, Use]] = {}
        try:
            self._uses = _Uses.validate_json(file.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValidationError) as error:
            log.error("what was known of last uses is lost", file=str(file), problem=str(error))  # noqa: TRY400

    def notice(self, subject: str, enclaves: Collection[str]) -> Notice:
        """What ``subject`` is told where the ``enclaves`` may be told of."""
        uses = {name: use for name, use in self._uses.get(subject, {}).items() if name in enclaves}
        opened = {name: use.opened for name, use in uses.items() if use.opened is not None}
        last = max(opened, key=lambda name: opened[name], default=None)
        failed = sum(use.failed for use in uses.values())
        return Notice(opened=opened[last] if last else None, enclave=last, failed=failed)

    def opened(self, subject: str, enclave: str, now: float, told: Collection[str]) -> None:
        """A session was opened; failures at the enclaves ``told`` are known to the subject now."""
        uses = self._uses.setdefault(subject, {})
        for name in set(told) & set(uses):
            uses[name] = Use(opened=uses[name].opened)
        uses[enclave] = Use(opened=now)
        self._changed = True

    def failed(self, subject: str, enclave: str) -> None:
        """An attempt in the name of a registered ``subject`` was refused."""
        uses = self._uses.setdefault(subject, {})
        before = uses.get(enclave, Use())
        uses[enclave] = Use(opened=before.opened, failed=before.failed + 1)
        self._changed = True

    async def keep(self) -> None:
        """Write what changed since the last time, while others are answered; what cannot be written now is later."""
        if not self._changed:
            return
        self._changed = False
        try:
            await asyncio.to_thread(replace_file, self._file, json.dumps(_Uses.dump_python(self._uses)).encode())
        except OSError as error:
            self._changed = True
            log.error("last uses cannot be written", file=str(self._file), problem=str(error))  # noqa: TRY400
