"""Paragraphs of e-mail: headers with a marking, subject, text, and attachments of known kinds."""

import email
import email.policy
from collections.abc import Callable, Mapping
from email.message import EmailMessage

from appliance.markings.documents.paragraph import HEADER, SUBJECT, Content, DocumentError
from appliance.markings.documents.plain import lines_of, read_html
from appliance.markings.formats.conventions import HEADERS

MAXIMUM_PARTS = 200


def read_mail(data: bytes, readers: Mapping[str, Callable[[bytes], Content]]) -> Content:
    """Paragraphs of an e-mail.

    Args:
        data: the message (RFC 5322).
        readers: how attachments are read, by the end of their names.

    Raises:
        DocumentError: it has no header, or too many parts.
    """
    message = email.message_from_bytes(data, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or not message.keys():
        raise DocumentError("the file is no e-mail: it has no header")
    content = Content()
    for name, value in message.items():
        if name.lower() in HEADERS:
            content.add(str(value), f"header {name}", HEADER)
    content.add(str(message.get("Subject", "")), "subject", SUBJECT)
    parts = [part for part in message.walk() if not part.is_multipart()]
    if len(parts) > MAXIMUM_PARTS:
        raise DocumentError(f"the e-mail has {len(parts)} parts, more than {MAXIMUM_PARTS}")
    bodies = [part for part in (message.get_body(("plain",)), message.get_body(("html",))) if part is not None]
    for part in parts:
        _part(part, content, readers, chosen=part is bodies[0] if bodies else False, other=part in bodies[1:])
    return content


def _part(
    part: object, content: Content, readers: Mapping[str, Callable[[bytes], Content]], *, chosen: bool, other: bool
) -> None:
    """Read one part: the text, or an attachment; the HTML beside a plain text says the same."""
    if not isinstance(part, EmailMessage) or other:
        return
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    if chosen and part.get_content_type() == "text/html":
        content.extend(read_html(_recoded(part, data).encode()), "body")
    elif chosen:
        content.extend(lines_of(_recoded(part, data), "line"), "body")
    else:
        name = part.get_filename() or part.get_content_type()
        reader = readers.get(name.rpartition(".")[2].lower())
        content.add(name, f"name of attachment {name}", SUBJECT)
        if reader is None:
            content.unread.append(f"attachment {name}")
        else:
            content.extend(reader(data), f"attachment {name}")


def _recoded(part: EmailMessage, data: bytes) -> str:
    try:
        return data.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError as error:
        raise DocumentError(f"the text has an unknown character set: {error}") from error
