"""What the service knows of its enclave, and what limits who may write what in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from appliance.contract.context import Context
from appliance.errors import ApplianceError
from appliance.markings import Marking, MarkingError, dominates, parse
from appliance.markings.vocabulary import Vocabulary
from appliance.service.settings import Paths, ServiceSettings
from appliance.service.web.middleware import set_marking
from appliance.service.web.pages import Pages
from workbench.citations.banner import banner_of


class DecisionSettings(BaseModel):
    """``settings`` in service.json.

    Attributes:
        model: name of the enclave's model, or None where it has none: then answers are quotations alone.
        demo: whether the site is a demonstration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    demo: bool = False


@dataclass(frozen=True)
class Enclave:
    """Where this service runs.

    Attributes:
        marking: of the enclave.
        vocabulary: the words and rules by which the site reads markings.
        model: name of the model, if there is one.
        gateway: base URL for calls through the enclave's gateway.
        paths: of this container.
    """

    marking: Marking
    vocabulary: Vocabulary
    model: str | None
    gateway: str
    paths: Paths

    @classmethod
    def of(cls, settings: ServiceSettings, paths: Paths) -> "Enclave":
        """From the service's settings."""
        own = settings.own(DecisionSettings, paths.settings)
        marking = parse(settings.marking, settings.vocabulary)
        return cls(marking, settings.vocabulary, own.model, settings.gateway, paths)

    def marked(self, text: str, field: str) -> Marking:
        """The marking of something that is written here; the enclave's own when it says nothing.

        Raises:
            ApplianceError: it is no marking, or it is above the enclave.
        """
        if not text.strip():
            return self.marking
        try:
            marking = parse(text.strip(), self.vocabulary)
        except MarkingError as error:
            raise ApplianceError(f"{field}: {error}", rule="what is written carries a valid marking") from error
        if not dominates(self.marking.label, marking.label):
            raise ApplianceError(
                f"{field}: is above this enclave", rule="what is written here has the enclave's marking or a lower one",
                remedy="tell your security officer what you typed here",
            )  # fmt: skip
        return marking

    def groups(self, context: Context, wanted: Iterable[str]) -> frozenset[str]:
        """The need-to-know groups of something that is written.

        Raises:
            ApplianceError: the writer is no member of one.
        """
        found = frozenset(wanted)
        if foreign := sorted(found - context.reader.groups):
            raise ApplianceError(
                f"groups: you do not belong to the group {foreign[0]}",
                rule="need-to-know groups are the officers' (docs/officer.md)",
                remedy="leave the group out, or ask an officer to add you to it",
            )
        return found


def enclave_of(request: Request) -> Enclave:
    """The enclave of this service."""
    enclave: Enclave = request.app.state.enclave
    return enclave


CurrentEnclave = Annotated[Enclave, Depends(enclave_of)]


def mark(request: Request, portions: Iterable[str]) -> str:
    """Mark the answer with the banner of all that it shows; the enclave's where it shows nothing that is marked.

    Args:
        request: which is answered.
        portions: of everything in the answer, each title and each passage.
    """
    enclave, shown = enclave_of(request), set(portions)
    marking = banner_of(shown, enclave.vocabulary) if shown else enclave.marking
    set_marking(request, marking.banner)
    return marking.banner


def render(request: Request, template: str, portions: Iterable[str], **values: Any) -> Response:
    """A page under the banner of all that it shows."""
    mark(request, portions)
    pages: Pages = request.app.state.pages
    return pages.render(request, template, **values)
