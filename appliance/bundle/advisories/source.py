"""Documents of others, of which only the fields that are used are read."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Open(BaseModel):
    """A part of such a document; the format has many more fields.

    A field that is null is absent: programs in Go write their empty lists so.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            name: [one for one in value if one is not None] if isinstance(value, list) else value
            for name, value in values.items()
            if value is not None
        }
