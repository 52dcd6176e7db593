"""What labeling says of files: which it takes, that their headers agree with their marking, how it shows them."""

from typing import Any

from fastapi import Request

from appliance.errors import ApplianceError
from appliance.markings import Restriction
from appliance.service.objects import Content, Declared, Examiner, Files, Object
from appliance.service.settings import ServiceSettings
from workbench.imagery.marked import markings_of, require
from workbench.imagery.nitf import read_nitf
from workbench.imagery.window import Window

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
TIFF = "image/tiff"


def examiners(settings: ServiceSettings) -> tuple[Examiner, ...]:
    """What looks at each file before it can be read."""

    def headers(content: Content, media_type: str, declared: Declared) -> None:
        """Refuse imagery whose marking is not exactly what its uploader declared, or that nobody declared."""
        if media_type == NITF:
            # It reads slices of headers alone, which are decrypted as they are read.
            found = markings_of(read_nitf(Window(content)), settings.vocabulary)
            require(found, declared.restriction, settings.vocabulary)
        elif media_type == TIFF and not declared.explicit:
            raise ApplianceError(
                "marking: a TIFF file cannot say how it is marked, and its uploader did not",
                rule="each file has a marking that its headers or a person say",
                remedy="upload it again with its marking",
            )

    return (headers,)


FILES = Files(types=TYPES, activity="file.create", refusal="file.refuse", examiners=examiners)


def shown(request: Request, found: Object) -> dict[str, Any]:
    """A file for people and clients."""
    marked = work.restrictions(request).marked(Restriction.decode(found.restriction))
    values = found.model_dump(mode="json", exclude={"project", "restriction", "uses"})
    return values | {"marking": marked.portion, "groups": marked.groups}
