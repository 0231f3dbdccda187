"""What the examples in docstrings need; the tests' own fixtures are in tests/conftest.py."""

from typing import Any

import pytest

import losscli


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["losscli"] = losscli
