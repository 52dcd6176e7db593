"""Searches that an officer keeps under a name: for each officer their own, in the console's volume."""

import json
from pathlib import Path

from appliance.audit.events.text import printable
from appliance.errors import ApplianceError
from appliance.trust.files import replace_file

MOST = 50


class Searches:
    """Saved searches of all officers.

    Args:
        path: the file that keeps them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, officer: str) -> dict[str, str]:
        """Addresses of the officer's searches by name, in the order of names."""
        return dict(sorted(self._all().get(officer, {}).items()))

    def keep(self, officer: str, name: str, link: str) -> None:
        """Keep ``link`` as ``name``, in place of what had that name.

        Raises:
            ApplianceError: the name is empty, or the officer has too many.
        """
        name, every = printable(name.strip(), 60), self._all()
        own = every.setdefault(officer, {})
        if not name or (len(own) >= MOST and name not in own):
            raise ApplianceError("a saved search needs a name", rule=f"at most {MOST} an officer, 60 characters each")
        own[name] = link
        replace_file(self._path, json.dumps(every).encode())

    def forget(self, officer: str, name: str) -> None:
        """Forget the officer's search ``name``."""
        every = self._all()
        if every.get(officer, {}).pop(name, None) is not None:
            replace_file(self._path, json.dumps(every).encode())

    def _all(self) -> dict[str, dict[str, str]]:
        try:
            found: dict[str, dict[str, str]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return found
