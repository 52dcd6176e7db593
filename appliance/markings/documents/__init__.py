"""Finding the paragraphs of documents: text, Markdown, HTML, Office, PDF and e-mail, each in a process of its own.

``paragraphs_of`` reads a file in a child process that can open nothing and has limits; the other modules are the
readers that run there.
"""

from appliance.markings.documents.isolated import paragraphs_of
from appliance.markings.documents.paragraph import KINDS, Content, DocumentError, Paragraph

__all__ = ["KINDS", "Content", "DocumentError", "Paragraph", "paragraphs_of"]
