"""The pages below ``/decision/``."""

from . import documents, products, questions

ROUTERS = (questions.router, documents.router, products.router)
