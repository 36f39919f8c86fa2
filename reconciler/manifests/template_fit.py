"""
Whether a deployment template and the portal form for its parameters fit each other. Pure.

The portal passes each output of the form as the parameter of that name, compared without case ("CreateUiDefinition.json
for Azure managed application's create experience", learn.microsoft.com). Forms of the newer kind keep their outputs in
``view.outputs.parameters`` ("uiFormDefinition"). Knows no kind: an annotation names the paths of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from reconciler.manifests.schema_errors import nearest
from reconciler.secret.text import scrub_and_cut

_Part: TypeAlias = Literal["template", "form"]
_FORM_SCHEMAS: Final = ("createuidefinition", "uiformdefinition")
_TEMPLATE_SCHEMA: Final = "deploymenttemplate"
_DEFINITION: Final = "#/definitions/"
_LONGEST_SHOWN: Final = 80
_MOST_COMPARED: Final = 500  # names among which the nearest is looked for: more would take seconds


@dataclass(frozen=True, slots=True)
class Misfit:
    """
    One reason why the two do not fit.

    Attributes:
        part: Where it is to be corrected.
    """

    part: _Part
    message: str
    fix: str


def misfits(template: Mapping[str, Any], form: Mapping[str, Any], own: Sequence[str]) -> Iterator[Misfit]:
    """
    Yield every reason why *template* and *form* do not fit.

    Args:
        template: The deployment template.
        form: The portal form.
        own: Outputs that the portal uses itself, and parameters that it supplies; ``*`` at the end matches any rest.
    """
    if _is_form(template) and _is_template(form):
        yield Misfit("template", "the template and the form are swapped", "swap the two")
        return
    if not _is_template(template):
        what = "a portal form, not a deployment template" if _is_form(template) else "not a deployment template"
        is_reference = len(template) == 1 and isinstance(next(iter(template.values())), str)
        fix = "declare a template with `$schema`, `contentVersion` and `resources`"
        yield Misfit("template", f"this is {what}", "write it as `{$file: path}`" if is_reference else fix)
    if _is_template(form) and not _is_form(form):
        yield Misfit("form", "this is a deployment template, not a portal form", "declare the form of the template")
        return
    if not _is_form(form) and not form.keys() & {"parameters", "version"}:
        yield Misfit("form", "this is not a portal form", "declare a form with `handler`, `version` and `parameters`")
    parameters, outputs = template.get("parameters", {}), _outputs(form)
    if _is_template(template) and isinstance(parameters, Mapping) and outputs is not None:
        yield from _unfed(template, parameters, outputs, own)
        yield from _unknown(parameters, outputs, own)


def _unfed(
    template: Mapping[str, Any], parameters: Mapping[str, Any], outputs: Mapping[str, Any], own: Sequence[str]
) -> Iterator[Misfit]:
    fed = {name.casefold() for name in outputs}
    known = {name.casefold() for name in parameters}
    free = list(islice((name for name in outputs if name.casefold() not in known), _MOST_COMPARED))
    for name, parameter in parameters.items():
        if name.casefold() in fed or _is_own(name, own) or _is_optional(template, parameter):
            continue
        near = nearest(name, free)
        fix = f"rename the output `{near}` to `{name}`" if near else "add an output of this name, or a `defaultValue`"
        message = f"no output of the form sets the parameter `{_shown(name)}`, which has no default"
        yield Misfit("template", message, _shown(fix))


def _unknown(parameters: Mapping[str, Any], outputs: Mapping[str, Any], own: Sequence[str]) -> Iterator[Misfit]:
    known = {name.casefold() for name in parameters}
    for name in outputs:
        if name.casefold() not in known and not _is_own(name, own):
            near = nearest(name, islice(parameters, _MOST_COMPARED))
            fix = f"did you mean `{_shown(near)}`?" if near else "remove the output, or add the parameter"
            yield Misfit("form", f"the output `{_shown(name)}` is not a parameter of the template", fix)


def _is_optional(template: Mapping[str, Any], parameter: Any) -> bool:
    """Whether a deployment may leave a parameter out."""
    if not isinstance(parameter, Mapping) or "defaultValue" in parameter or parameter.get("nullable") is True:
        return True
    reference, definitions = parameter.get("$ref"), template.get("definitions")
    if not isinstance(reference, str) or not isinstance(definitions, Mapping):
        return False
    definition = definitions.get(reference.removeprefix(_DEFINITION))
    return isinstance(definition, Mapping) and definition.get("nullable") is True


def _outputs(form: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the outputs of a form by name; None where they are an expression, or of an unknown shape."""
    view = form.get("view")
    steps = ("view", "outputs", "parameters") if isinstance(view, Mapping) else ("parameters", "outputs")
    value: Any = form
    for step in steps:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step, {})
    return value if isinstance(value, Mapping) else None


def _is_template(value: Mapping[str, Any]) -> bool:
    return _TEMPLATE_SCHEMA in _schema(value) or isinstance(value.get("resources"), (list, dict))


def _is_form(value: Mapping[str, Any]) -> bool:
    named = any(name in _schema(value) for name in _FORM_SCHEMAS)
    return named or isinstance(value.get("handler"), str) or isinstance(value.get("view"), Mapping)


def _schema(value: Mapping[str, Any]) -> str:
    return str(value.get("$schema", "")).lower()


def _is_own(name: str, own: Sequence[str]) -> bool:
    folded = name.casefold()
    return any(
        folded.startswith(each[:-1].casefold()) if each.endswith("*") else folded == each.casefold() for each in own
    )


def _shown(text: str) -> str:
    return scrub_and_cut(text, _LONGEST_SHOWN)
