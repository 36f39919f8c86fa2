"""The value of a scalar without quotes, by the core schema of YAML 1.2."""

from __future__ import annotations

import re
from typing import Any, Final

_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)|(?P<radix>0o[0-7]+|0x[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<infinite>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_INT64: Final = range(-(2**63), 2**63)
_INT64_DIGITS: Final = 19
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INFINITE: Final = (float("inf"), float("-inf"))


def plain(text: str) -> Any:
    """
    Return the value of a scalar without quotes.

    Raises:
        ValueError: It is a number that JSON, or 64 bits, cannot hold.
    """
    if text in _WORDS:
        return _WORDS[text]
    return text if text[0] not in "+-.0123456789" else _number(text)


def _number(text: str) -> Any:
    """Return the number that a plain scalar is, or the text itself; ValueError describes an invalid number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    if match.lastgroup == "infinite":
        message = "YAML reads this as infinity or not-a-number, which JSON cannot represent"
        raise ValueError(message)
    value: float | None = None
    if match.lastgroup == "float":
        value = float(text)
    elif match.lastgroup == "radix":
        value = int(text, 0)
    elif len(digits := text.lstrip("+-0")) <= _INT64_DIGITS:  # int() of thousands is slow, and refused by Python itself
        value = int(text[0].strip("+0123456789") + (digits or "0"))
    if value is None or (isinstance(value, int) and value not in _INT64) or value in _INFINITE:
        message = "YAML reads this as a number that does not fit in 64 bits"
        raise ValueError(message)
    return value
