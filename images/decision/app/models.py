"""What people send, as it is taken."""

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class _Form(BaseModel):
    """A form: empty fields are absent ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value != ""} if isinstance(given, dict) else given


class Source(_Form):
    """How a source describes itself (ICD 206): who says it, as of when, and how far to trust it.

    Attributes:
        originator: who wrote it; documents of one originator are one source.
        dated: the date of the information.
        reliability: of the source, A (completely reliable) to F (cannot be judged) (Admiralty system, AJP-2.1).
        credibility: of the information, 1 (confirmed) to 6 (cannot be judged).
        description: of the source, in words.
    """

    originator: Line = ""
    dated: date | None = None
    reliability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    credibility: Annotated[int, Field(ge=1, le=6)] | None = None
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @property
    def grade(self) -> str:
        """The grade as it is written, such as B2; empty without both halves."""
        return f"{self.reliability}{self.credibility}" if self.reliability and self.credibility else ""


class Upload(BaseModel):
    """A file that somebody sent.

    Attributes:
        name: as they called it, without the folder.
        data: its content.
        source: how they describe its source.
    """

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    data: bytes
    source: Source = Source()

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        name = name.replace("\\", "/").rpartition("/")[2].strip()
        if not name or not name.isprintable():
            raise ValueError("a file has a name of printable characters")
        return name

    @property
    def sha256(self) -> str:
        """The digest of the file."""
        return hashlib.sha256(self.data).hexdigest()
