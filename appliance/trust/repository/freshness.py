"""How old a bundle may be: the site's own thresholds (``policies/freshness.yml``), beside the expiry its makers set."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ApplianceError, first_words
from appliance.trust import canonical
from appliance.trust.files import read_limited
from appliance.trust.repository.client import Repository


class FreshnessError(ApplianceError):
    """A bundle that is too old, or thresholds that cannot be read."""


class Freshness(BaseModel):
    """Thresholds in days.

    Attributes:
        warn_days: warn when the bundle expires within so many days.
        maximum_age_days: refuse a bundle that was made longer ago.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    warn_days: Annotated[int, Field(ge=0, le=3650)] = 30
    maximum_age_days: Annotated[int, Field(ge=1, le=3650)] = 400

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the thresholds.

        Raises:
            ApplianceError: absent, or not thresholds; names the field.
        """
        text = read_limited(path, 1 << 16).decode(errors="replace")
        try:
            return cls.model_validate(canonical.decode_yaml(text, str(path)))
        except ValidationError as error:
            field, why = first_words(error)
            raise FreshnessError(
                f"{path}: {field}: {why}",
                rule="thresholds are warn_days and maximum_age_days, in days",
                remedy="see policies/freshness.yml",
            ) from error

    def judge(self, repository: Repository) -> list[str]:
        """Warnings about a repository that has not expired.

        Raises:
            FreshnessError: it is older than the site allows.
        """
        age = repository.reference_time - repository.created
        if age > timedelta(days=self.maximum_age_days):
            raise FreshnessError(
                f"the bundle was made {age.days} days ago",
                rule=f"policies/freshness.yml: at most {self.maximum_age_days} days",
                remedy="carry a newer bundle",
            )
        left = repository.expires - repository.reference_time
        if left < timedelta(days=self.warn_days):
            return [f"the bundle expires in {left.days} days, on {repository.expires:%Y-%m-%d}: ask for the next one"]
        return []
