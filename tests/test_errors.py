"""Everything raised on purpose says what happened, and is one family."""

from __future__ import annotations

import inspect
import re

import pytest

from reconciler import errors
from reconciler.errors import (
    AuthError,
    ConflictError,
    ErrorInfo,
    ForeignOriginError,
    ManifestError,
    ReconcilerError,
    RejectedError,
    RequestError,
    TransientError,
    UnusableAnswerError,
)
from reconciler.problems import Problem

INFO = ErrorInfo("Conflict", "Another operation runs.", 409, "77c1", "wait")
CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


def test_whatever_is_raised_on_purpose_is_one_family() -> None:
    """Anything else that escapes is a bug; the tree in the module's docstring is the tree."""
    assert all(issubclass(kind, ReconcilerError) for kind in CLASSES)
    drawn = re.findall(r"^( +)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    tree: list[tuple[str, int]] = [(name, len(indent) // 4 - 1) for indent, name in drawn]
    depths = {kind.__name__: len(kind.__mro__) - len(ReconcilerError.__mro__) for kind in CLASSES}
    assert dict(tree) == depths


def test_a_manifest_error_keeps_every_problem() -> None:
    """A user's mistakes are reported together, with what was also noticed."""
    problems = [Problem("a.yaml", 1, 1, "", "type", "one", None), Problem("b.yaml", 2, 1, "x", "type", "two", "fix")]
    warning = Problem("c.yaml", 3, 1, "", "past-date", "three")
    error = ManifestError(problems, [warning])
    assert (str(error), error.problems, error.warnings) == ("a.yaml: one; b.yaml: two", tuple(problems), (warning,))
    assert ManifestError(problems[:1]).warnings == ()


@pytest.mark.parametrize(
    "kind", [RequestError, AuthError, ConflictError, ForeignOriginError, RejectedError, UnusableAnswerError]
)
def test_an_error_of_arm_keeps_its_words(kind: type[RequestError]) -> None:
    """ARM's own code and message."""
    error = kind(INFO)
    assert (str(error), error.info) == ("Conflict: Another operation runs.", INFO)


def test_a_transient_error_says_whether_the_write_may_have_landed() -> None:
    """Then ARM is asked before anything is sent again."""
    assert TransientError(INFO, may_have_landed=True).may_have_landed
    assert not TransientError(INFO).may_have_landed
    assert TransientError(INFO).info is INFO


def test_most_of_what_is_known_of_a_failure_is_optional() -> None:
    """A code and a sentence are enough."""
    assert ErrorInfo("Timeout", "Too late.") == ErrorInfo("Timeout", "Too late.", None, None, None)
