"""A rule that is broken on purpose: addressed by function and operator, or by property and keyword."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

from tests.kit.repository import ROOT
from tests.planting import operators, schema
from tests.planting.errors import StaleError


@dataclass(frozen=True, slots=True)
class Mutant:
    """
    One broken rule.

    Attributes:
        breaks: Harm that a user of such a program would meet.
        at: Where the rule stands: ``reconciler.plan.decide:decide`` or ``reconciler/plan/decide.py:decide``, or, of a
            schema, ``schemas/Gallery.schema.json:properties.tags`` or ``schemas/Gallery.schema.json:/x-arm``.
        operator: How it is broken.
        select: Of code: which node of the function.
        key: Of a schema: which keyword.
        to: What is put in its place, for the operators that take something.
    """

    name: str
    breaks: str
    at: str
    operator: str
    select: str = ""
    key: str = ""
    to: Any = ""

    @property
    def is_schema(self) -> bool:
        """Whether the rule stands in a schema."""
        return self._place[0].endswith(".json")

    @property
    def file(self) -> str:
        """Path of the file that holds the rule, from the root of the repository."""
        place = self._place[0]
        if self.is_schema or place.endswith(".py"):
            return place
        path = place.replace(".", "/")
        return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"

    @property
    def module(self) -> str:
        """Dotted name of the module that holds the rule."""
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def name_in_file(self) -> str:
        """Qualified name of the function or constant, or the path in the schema."""
        return self._place[1]

    @property
    def _place(self) -> tuple[str, str]:
        place, _, inner = self.at.partition(":")
        return place, inner

    def applied(self, text: str) -> str:
        """
        Return the text of the file with the rule broken.

        Raises:
            StaleError: The rule is not there, or breaking it changes nothing.
        """
        try:
            if self.is_schema:
                return schema.changed(text, self.name_in_file, self.operator, self.key, self.to)
            return operators.changed(text, self.name_in_file, self.select, self.operator, self.to)
        except StaleError as error:
            message = f"{self.name}: {error} in {self.at}: move the mutant with the code"
            raise StaleError(message) from None


def read(data: str) -> tuple[Mutant, ...]:
    """Return the mutants of a TOML document."""
    return tuple(Mutant(**each) for each in tomllib.loads(data)["mutant"])


def stale(mutants: tuple[Mutant, ...]) -> list[str]:
    """Return what is wrong with the mutants themselves."""
    wrong = []
    for mutant in mutants:
        try:
            mutant.applied((ROOT / mutant.file).read_text(encoding="utf-8"))
        except StaleError as error:
            wrong.append(str(error))
        except FileNotFoundError:
            wrong.append(f"{mutant.name}: {mutant.file} is not there: move the mutant with the code")
    return wrong
