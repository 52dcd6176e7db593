"""What people write, as YAML or JSON, read so that no other reader could understand it differently."""

from typing import Any

from appliance.errors import ApplianceError
from appliance.trust import canonical


def read_document(data: bytes | str, name: str) -> Any:
    """The content of a YAML document, in which no key stands twice.

    Raises:
        ApplianceError: it is not text in UTF-8, no YAML, or ambiguous.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        what = canonical.other_encoding(data if isinstance(data, bytes) else b"") or "it is not text"
        raise ApplianceError(
            f"{name}: cannot be read as YAML: {what}",
            rule="documents are text in UTF-8",
            remedy="save it again with the encoding UTF-8",
        ) from error
    return canonical.decode_yaml(text, name)
