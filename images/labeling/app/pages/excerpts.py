"""The first words of a task, for tables."""

from typing import Any

from appliance.service.database import Row


def excerpt(project: Row, task: dict[str, Any]) -> str:
    """The first words of a task."""
    data = task["data"]
    text = data.get("title") or data.get("prompt") or data.get("text")
    if text is None and project["kind"] == "chat":
        text = data["messages"][0]["content"]
    return " ".join(str(text or f"{data.get('width')} x {data.get('height')} pixels").split())[:160]
