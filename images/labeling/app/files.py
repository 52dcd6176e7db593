"""What labeling says of files: which it takes, that their headers agree with their marking, how it shows them."""

from typing import Any, cast

from fastapi import Request

from appliance.errors import ApplianceError
from appliance.markings import MarkingError, Restriction, marking_of
from appliance.markings.formats.nitf_file import read_nitf
from appliance.service.objects import Content, Examiner, Files, Object
from appliance.service.settings import ServiceSettings

from . import work

TYPES = frozenset(
    {
        "application/pdf",
        "application/vnd.nitf",
        "audio/wav",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "text/plain",
        "video/mp2t",
        "video/mp4",
    }
)
NITF = "application/vnd.nitf"


def examiners(settings: ServiceSettings) -> tuple[Examiner, ...]:
    """What looks at each file before it can be read."""

    def headers(content: Content, media_type: str, restriction: Restriction) -> None:
        """Refuse NITF whose header and segments are not exactly of the label that its uploader declared."""
        if media_type != NITF:
            return
        try:
            # It reads slices of headers alone, which are decrypted as they are read.
            found = read_nitf(cast("bytes", content), settings.vocabulary)
        except MarkingError as error:
            raise ApplianceError(f"the markings of the file cannot be read: {error}") from error
        if found.contradictions or found.label != restriction.label:
            banner = marking_of(found.label, settings.vocabulary).banner
            raise ApplianceError(
                f"the file is marked {banner}, and was uploaded with another marking",
                rule="the marking of a NITF file is the join of its header and all segments",
                remedy="upload it with its own marking, in an enclave that may hold it",
            )

    return (headers,)


FILES = Files(types=TYPES, activity="file.create", examiners=examiners)


def shown(request: Request, found: Object) -> dict[str, Any]:
    """A file for people and clients."""
    restriction = Restriction.decode(found.restriction)
    values = found.model_dump(mode="json", exclude={"project", "restriction", "uses"})
    marking = marking_of(restriction.label, work.restrictions(request).vocabulary)
    portion = f"{marking.portion}//OC" if restriction.originator_controlled else marking.portion
    return values | {"marking": portion, "groups": sorted(restriction.groups)}
