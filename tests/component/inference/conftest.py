"""Fixtures of the inference service."""

from tests.component.inference.support import service, uncertified
from tests.component.service.browser import chromium
from tests.component.service.model import model

__all__ = ["chromium", "model", "service", "uncertified"]
