"""An object as an answer: whole or one range of it (RFC 9110, 14), decrypted part by part."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from appliance.markings import Restriction, marking_of
from appliance.markings.vocabulary import Vocabulary
from appliance.service.objects.kept import Object
from appliance.service.objects.volume import Content
from appliance.service.web.middleware import set_marking

SHOWN = frozenset({"image/png", "image/jpeg"})
"""What a browser shows itself; all else is a download, whatever it holds."""
_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))")


def served(request: Request, found: Object, content: Content, vocabulary: Vocabulary | None = None) -> Response:
    """The answer to a request for ``found``, under its marking.

    A range that is not one (RFC 9110, 14.2) is ignored, several at once are too; one beyond the end is refused by 416.
    """
    set_marking(request, marking_of(Restriction.decode(found.restriction).label, vocabulary).banner)
    name = quote(found.name, safe="")
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{found.sha256}"',
        "Content-Disposition": f"{'inline' if found.media_type in SHOWN else 'attachment'}; filename*=UTF-8''{name}",
    }
    start, stop, status = 0, found.size, HTTPStatus.OK
    if wanted := _RANGE.fullmatch(request.headers.get("range", "")):
        first, last, suffix = wanted.groups()
        start = int(first) if first else max(found.size - int(suffix), 0)
        stop = min(int(last) + 1, found.size) if last else found.size
        if start >= found.size or (suffix and int(suffix) == 0):
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{found.size}"})
        if start < stop:
            status = HTTPStatus.PARTIAL_CONTENT
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{found.size}"
        else:
            start, stop = 0, found.size
    headers["Content-Length"] = str(stop - start)
    body: AsyncIterator[bytes] = iterate_in_threadpool(content.read(start, stop))
    return StreamingResponse(body, status, headers, found.media_type)
