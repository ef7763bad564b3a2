"""Checks label selectors as they stand in objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steersman.servers.apiserver.fielderrors import FieldError, forbidden, invalid, required
from steersman.servers.apiserver.validation.names import label_value, qualified_name
from steersman.servers.apiserver.validation.objectmeta import validate_labels

__all__ = ["validate_label_selector"]


def validate_label_selector(selector: Mapping[str, Any], path: str) -> list[FieldError]:
    """Checks ``matchLabels`` and ``matchExpressions``."""
    errors = validate_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, one in enumerate(selector.get("matchExpressions") or ()):
        errors += _validate_requirement(one, f"{path}.matchExpressions[{index}]")
    return errors


def _validate_requirement(one: Mapping[str, Any], path: str) -> list[FieldError]:
    operator, values = one.get("operator") or "", one.get("values") or ()
    errors: list[FieldError] = []
    if operator in ("In", "NotIn"):
        if not values:
            text = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(required(f"{path}.values", text))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{path}.values", text))
    else:
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    name = one.get("key") or ""
    errors += [invalid(f"{path}.key", name, text) for text in qualified_name(name)]
    return errors + [
        invalid(f"{path}.values[{at}]", value, text)
        for at, value in enumerate(values)
        for text in label_value(value)
    ]
