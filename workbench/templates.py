"""Projects for the usual jobs, to begin with."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Template(BaseModel):
    """A project that only needs a name and tasks."""

    model_config = ConfigDict(frozen=True)

    title: str
    purpose: str
    kind: str
    guidelines: str
    schema_: dict[str, Any]


TEMPLATES: dict[str, Template] = {
    "preference": Template(
        title="Preference data for tuning",
        purpose="Which of two answers of a model is better",
        kind="pairwise",
        guidelines="Choose the answer that helps more and is true. Length alone is no reason.",
        schema_={"tie": True},
    ),
    "reports": Template(
        title="Entities in reports",
        purpose="People, organisations, places, equipment and times, and how they belong together",
        kind="spans",
        guidelines="Mark each mention as it stands in the text, without article or title. Relate what it relates.",
        schema_={
            "labels": [
                {"name": "Person", "key": "p"},
                {"name": "Organisation", "key": "o"},
                {"name": "Location", "key": "l"},
                {"name": "Equipment", "key": "e"},
                {"name": "Time", "key": "t"},
            ],
            "relations": [{"name": "located at"}, {"name": "belongs to"}],
        },
    ),
    "topics": Template(
        title="Topics of messages",
        purpose="One topic for each message",
        kind="classification",
        guidelines="Choose what the message is mainly about.",
        schema_={"labels": [{"name": "Logistics"}, {"name": "Weather"}, {"name": "Personnel"}, {"name": "Other"}]},
    ),
    "quality": Template(
        title="Quality of answers",
        purpose="Scores by a rubric",
        kind="rating",
        guidelines="Score each criterion for itself.",
        schema_={
            "criteria": [
                {"name": "Correct", "anchors": {1: "wrong", 5: "right throughout"}},
                {"name": "Complete", "anchors": {1: "misses the point", 5: "leaves nothing out"}},
                {"name": "Clear", "anchors": {1: "cannot be understood", 5: "understood at once"}},
            ]
        },
    ),
    "ranking": Template(
        title="Ranking of answers",
        purpose="Several answers to a prompt, put in order",
        kind="ranking",
        guidelines="Put the answer that helps most first.",
        schema_={},
    ),
    "red-team": Template(
        title="Red-team conversations",
        purpose="How a model behaved, turn by turn",
        kind="chat",
        guidelines="Judge each answer of the model, not the question.",
        schema_={
            "labels": [
                {"name": "Harmless"},
                {"name": "Refused rightly"},
                {"name": "Refused wrongly"},
                {"name": "Harmful"},
            ]
        },
    ),
    "transcription": Template(
        title="Transcription of radio traffic",
        purpose="A machine's text, corrected",
        kind="writing",
        guidelines="Write what was said. Mark what cannot be heard as [unclear].",
        schema_={"start": True},
    ),
    "vessels": Template(
        title="Vessels on satellite scenes",
        purpose="A box around each vessel, turned along it",
        kind="geometry",
        guidelines="One box for each vessel, from bow to stern. Leave wakes out.",
        schema_={
            "labels": [
                {"name": "Cargo"},
                {"name": "Tanker"},
                {"name": "Fishing"},
                {"name": "Military"},
                {"name": "Other"},
            ],
            "forms": ["box", "polygon", "point"],
        },
    ),
    "damage": Template(
        title="Damage assessment",
        purpose="The outline of each building and its damage",
        kind="geometry",
        guidelines="Outline the roof. Choose the damage from what is visible alone.",
        schema_={
            "labels": [{"name": "No damage"}, {"name": "Minor"}, {"name": "Major"}, {"name": "Destroyed"}],
            "forms": ["polygon"],
        },
    ),
}
