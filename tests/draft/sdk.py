"""Reads the models of an Azure SDK package for Python, such as azure-mgmt-compute."""

from __future__ import annotations

import re
import sys
import types
from dataclasses import replace
from datetime import datetime
from enum import Enum
from importlib import import_module
from inspect import getsource
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from tests.draft.described import Described

_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", datetime: "date-time"}
_DOCUMENTED: Final = re.compile(r":ivar (\w+): (.*?)(?=\n\s*:(?:ivar|vartype) )", re.DOTALL)
_KNOWN_VALUES: Final = re.compile(r"\s*(?:Known|Possible) values are:.*|\s*Required\.$", re.DOTALL)
_OPERATION: Final = re.compile(
    r'_params\.pop\("api-version", "([0-9a-z-]+)"\)(?:(?!_params\.pop).)*?_url = "(/subscriptions/[^"]+)"', re.DOTALL
)


def describe(package: str, name: str) -> Described:
    """
    Return a model of an SDK.

    Args:
        package: Such as ``azure.mgmt.compute``.
        name: Of the class, such as ``GalleryScript``.
    """
    return _model(getattr(import_module(f"{package}.models"), name))


def find_url(package: str, name: str) -> tuple[str, str]:
    """
    Return the URL of a resource whose name is called after its kind, and the api-version of the package.

    Raises:
        LookupError: No operation has such a URL.
    """
    source = getsource(import_module(f"{package}.operations._operations"))
    parameter = f"{{{name[:1].lower()}{name[1:]}Name}}"
    found = next(((url, version) for version, url in _OPERATION.findall(source) if url.endswith(parameter)), None)
    if found is None:
        message = f"no operation of {package} has a URL that ends in {parameter}: pass --url"
        raise LookupError(message)
    return found


def _model(model: Any) -> Described:
    model()  # the first instance collects the fields
    module = sys.modules[model.__module__]
    hints = get_type_hints(model, vars(module), {"_models": sys.modules[model.__module__.rpartition(".")[0]]})
    texts = {name: " ".join(text.split()) for base in model.__mro__ for name, text in _texts(base)}
    properties = {}
    for name, rest in model._attr_to_rest_field.items():
        made = _described(hints[name])
        text = _KNOWN_VALUES.sub("", texts.get(name, ""))
        properties[rest._rest_name] = replace(made, read_only=rest._visibility == ["read"], description=text)
    return Described("object", properties=properties)


def _texts(model: Any) -> list[tuple[str, str]]:
    return _DOCUMENTED.findall(f"{model.__doc__ or ''}\n :ivar ")


def _described(hint: Any) -> Described:
    if get_origin(hint) in {Union, types.UnionType}:
        members = [each for each in get_args(hint) if each is not type(None)]
        enums = [each for each in members if isinstance(each, type) and issubclass(each, Enum)]
        made = Described("string", values=tuple(str(each.value) for each in enums[0])) if enums else _plain(members[0])
        return replace(made, required=type(None) not in get_args(hint))
    return replace(_plain(hint), required=True)


def _plain(hint: Any) -> Described:
    if get_origin(hint) is list:
        return Described("array", each=replace(_described(get_args(hint)[0]), required=False))
    if get_origin(hint) is dict:
        return Described("object", each=replace(_described(get_args(hint)[1]), required=False))
    if hint in _TYPES:
        return Described(_TYPES[hint])
    return _model(hint) if getattr(hint, "_is_model", False) else Described("object")
