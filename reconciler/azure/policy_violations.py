"""
Reads the policies that a refusal of Azure Policy names, and the conditions of each. Pure.

``additionalInfo`` of type ``PolicyViolation``; a policy denies what its conditions match, so a condition that is met is
the one to break ("Troubleshoot errors with using Azure Policy", "Azure Policy definition structure", Microsoft Learn).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from reconciler.secret.text import scrub_and_cut

_MOST: Final = 10
_MOST_VALUES: Final = 12
_SHOWN_OF_A_VALUE: Final = 100
_SCOPING: Final = frozenset({"type", "kind", "id"})
"""Fields by which a condition selects resources; no manifest can change them."""
_FUNCTION: Final = re.compile(r"\[[a-z]+\(", re.IGNORECASE)

_MUST: Final[Mapping[str, tuple[str, str]]] = {
    "equals": ("must be {}", "must not be {}"),
    "notequals": ("must not be {}", "must be {}"),
    "like": ("must be like {}", "must not be like {}"),
    "notlike": ("must not be like {}", "must be like {}"),
    "match": ("must match {}", "must not match {}"),
    "matchinsensitively": ("must match {}", "must not match {}"),
    "notmatch": ("must not match {}", "must match {}"),
    "notmatchinsensitively": ("must not match {}", "must match {}"),
    "contains": ("must contain {}", "must not contain {}"),
    "notcontains": ("must not contain {}", "must contain {}"),
    "in": ("must be one of {}", "must not be one of {}"),
    "notin": ("must not be one of {}", "must be one of {}"),
    "containskey": ("must contain the key {}", "must not contain the key {}"),
    "notcontainskey": ("must not contain the key {}", "must contain the key {}"),
    "less": ("must be less than {}", "must be at least {}"),
    "lessorequals": ("must be at most {}", "must be more than {}"),
    "greater": ("must be more than {}", "must be at most {}"),
    "greaterorequals": ("must be at least {}", "must be less than {}"),
}
"""By operator: the words for a condition that has to hold, and for one that must not."""


@dataclass(frozen=True, slots=True)
class Violation:
    """
    One policy that a resource violates.

    Attributes:
        assignment: Its display name, else its name or id.
        definition: Likewise.
        assignment_id: Its id, which an exemption names; empty where the refusal lacks it.
        definition_id: Likewise.
        demands: The policy's conditions, one failing expression each, such as ``tags[costCenter] must exist``.
        paths: The properties of these expressions.
    """

    assignment: str
    definition: str
    demands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    assignment_id: str = ""
    definition_id: str = ""

    @property
    def line(self) -> str:
        """The policy and its demands, on one line."""
        names = [f"assignment {self.assignment}" if self.assignment else ""]
        names += [f"definition {self.definition}" if self.definition else ""]
        head = f"policy: {', '.join(name for name in names if name) or 'unnamed'}"
        ids = ", ".join(each for each in (self.assignment_id, self.definition_id) if each)
        demands = f": {'; '.join(self.demands)}" if self.demands else ""
        return f"{head}{demands}{f' ({ids})' if ids else ''}"

    @property
    def fix(self) -> str:
        """The fix, in the imperative."""
        name = f"policy `{self.assignment or self.definition or 'unnamed'}`"
        if not self.demands:
            return f"change the manifest to comply with {name}, or request an exemption from the owner of the policy"
        return f"change the manifest: {'; '.join(self.demands)} ({name}); or request an exemption from its owner"


def violations(additional_info: Any) -> tuple[Violation, ...]:
    """Return the policies that ``additionalInfo`` of an error names."""
    listed = [additional_info] if isinstance(additional_info, Mapping) else additional_info
    nodes = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    infos = (each.get("info") for each in nodes if str(each.get("type", "")).lower() == "policyviolation")
    return tuple(_violation(info) for info in islice(infos, _MOST) if isinstance(info, Mapping))


def _violation(info: Mapping[str, Any]) -> Violation:
    failing = tuple(islice(_failing(info), _MOST))
    demands = dict.fromkeys(demand for each in failing if (demand := _demand(each)))
    paths = dict.fromkeys(_field(each) for each in failing)
    return Violation(
        _name(info, "policyAssignment"),
        _name(info, "policyDefinition"),
        tuple(demands),
        tuple(paths),
        _id(info, "policyAssignment"),
        _id(info, "policyDefinition"),
    )


def _id(info: Mapping[str, Any], of: str) -> str:
    value = info.get(f"{of}Id")
    return value if isinstance(value, str) else ""


def _name(info: Mapping[str, Any], of: str) -> str:
    names = (info.get(f"{of}{part}") for part in ("DisplayName", "Name", "Id"))
    return next((name for name in names if isinstance(name, str) and name), "")


def _failing(info: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """
    Yield the expressions that led to the refusal.

    Those that were met; where none was, as below a ``not``, those that were not. Expressions that only select the
    policy's resource types are left out, unless there are no others.
    """
    details = info.get("evaluationDetails")
    listed = details.get("evaluatedExpressions") if isinstance(details, Mapping) else None
    every = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    telling = [each for each in every if _field(each).lower() not in _SCOPING] or every
    yield from [each for each in telling if _is_met(each)] or telling


def _is_met(expression: Mapping[str, Any]) -> bool:
    return str(expression.get("result", "True")).lower() != "false"


def _field(expression: Mapping[str, Any]) -> str:
    """Return the property of an expression: its path, as ``expression`` may be a function that computes one."""
    path, text = (str(expression.get(name) or "") for name in ("path", "expression"))
    return text if not path or (text and not _FUNCTION.match(text)) else path


def _demand(expression: Mapping[str, Any]) -> str:
    """Return the condition that has to hold for an expression; the bare operator where it is not known."""
    name, operator = _field(expression), str(expression.get("operator", "")).lower()
    wanted, is_met = expression.get("targetValue"), _is_met(expression)
    if operator == "exists":
        is_there = is_met == (str(wanted).lower() != "false")
        return f"{name} must {'not exist' if is_there else 'exist'}"
    if operator not in _MUST:
        return f"{name}: {expression.get('operator')} {_value(wanted)}" if operator else ""
    holds, fails = _MUST[operator]
    live = expression.get("expressionValue")
    is_shown = isinstance(live, str | int | float) and live not in (wanted, "")
    return f"{name} {(fails if is_met else holds).format(_value(wanted))}{f' (is {_value(live)})' if is_shown else ''}"


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        more = f", … ({len(value) - _MOST_VALUES} more)" if len(value) > _MOST_VALUES else ""
        return f"{', '.join(map(_value, value[:_MOST_VALUES]))}{more}"
    return scrub_and_cut(str(value), _SHOWN_OF_A_VALUE)
