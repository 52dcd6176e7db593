"""The cluster of the tests of databases."""

from tests.component.service.database.conftest import empty, labeling_cluster

__all__ = ["empty", "labeling_cluster"]
