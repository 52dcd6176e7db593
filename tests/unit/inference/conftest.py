"""Fixtures of the inference service."""

from tests.unit.inference.support import service, uncertified
from tests.unit.service.browser import chromium
from tests.unit.service.model import model

__all__ = ["chromium", "model", "service", "uncertified"]
