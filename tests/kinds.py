"""Projects of every kind of task: a schema, data, and two answers that differ."""

import base64
import struct
import zlib
from typing import Any


def png(width: int = 60, height: int = 40) -> str:
    """A grey PNG image in base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 3 + y) % 200 for x in range(width)) for y in range(height))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    ).decode()


TEXT = "Captain Ada Byron left Port Said 🚢 on the Iris at dawn."
KINDS: dict[str, dict[str, Any]] = {
    "classification": {
        "schema": {"labels": [{"name": "Logistics"}, {"name": "Weather"}, {"name": "Other"}]},
        "data": {"text": "Rain from the west after noon."},
        "answers": [{"labels": ["Weather"]}, {"labels": ["Other"]}],
    },
    "spans": {
        "schema": {
            "labels": [
                {"name": "Person", "key": "p"},
                {"name": "Location", "key": "l"},
                {"name": "Vessel", "key": "v"},
            ],
            "relations": [{"name": "located at"}],
        },
        "data": {"text": TEXT},
        "answers": [
            {
                "spans": [
                    {"id": "s0", "start": 8, "end": 17, "label": "Person"},
                    {"id": "s1", "start": 42, "end": 46, "label": "Vessel"},
                ],
                "relations": [{"source": "s0", "target": "s1", "label": "located at"}],
            },
            {"spans": [{"id": "s0", "start": 0, "end": 17, "label": "Person"}], "relations": []},
        ],
    },
    "pairwise": {
        "schema": {},
        "data": {"prompt": "What is a checklist good for?", "answers": ["It helps.", "Nothing is forgotten."]},
        "answers": [{"choice": "a"}, {"choice": "b"}],
    },
    "ranking": {
        "schema": {},
        "data": {"prompt": "Name a port.", "answers": ["Said", "A port", "Hamburg"]},
        "answers": [{"order": [2, 0, 1]}, {"order": [0, 2, 1]}],
    },
    "rating": {
        "schema": {"criteria": [{"name": "Correct"}, {"name": "Clear", "anchors": {"1": "not at all", "5": "fully"}}]},
        "data": {"prompt": "Why?", "text": "Because."},
        "answers": [{"scores": {"Correct": 4, "Clear": 2}}, {"scores": {"Correct": 5, "Clear": 1}}],
    },
    "writing": {
        "schema": {"start": True},
        "data": {"text": "tango won reports clear"},
        "answers": [{"text": "Tango one reports clear."}, {"text": "Tango 1 reports clear."}],
    },
    "chat": {
        "schema": {"labels": [{"name": "Harmless"}, {"name": "Harmful"}]},
        "data": {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]},
        "answers": [{"turns": {"1": "Harmless"}}, {"turns": {"1": "Harmful"}, "comment": "rude"}],
    },
    "geometry": {
        "schema": {"labels": [{"name": "Cargo"}, {"name": "Other"}], "forms": ["box", "polygon", "line", "point"]},
        "data": {"image": png()},
        "answers": [
            {
                "shapes": [
                    {"id": "s0", "form": "box", "label": "Cargo", "points": [[5, 5], [20, 15]], "rotation": 10},
                    {"id": "s1", "form": "polygon", "label": "Other", "points": [[30, 5], [50, 5], [40, 30]]},
                    {"id": "s2", "form": "line", "label": "Other", "points": [[1, 1], [9, 30]]},
                    {"id": "s3", "form": "point", "label": "Cargo", "points": [[55, 35]]},
                ]
            },
            {"shapes": [{"id": "s0", "form": "box", "label": "Cargo", "points": [[6, 5], [21, 15]], "rotation": 10}]},
        ],
    },
}
