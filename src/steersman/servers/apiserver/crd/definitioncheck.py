"""Checks a whole CustomResourceDefinition, in the words of the real server.

The real server checks its internal form, in which what all versions share has moved up to the spec;
that is why paths say ``spec.validation`` for a definition with one version. Source of the rules:
``k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from steersman.kit.gotext import quote
from steersman.objects.manifest import Manifest, annotations_of, name_of
from steersman.servers.apiserver.crd.establish import is_protected_group
from steersman.servers.apiserver.crd.rules import RuleRun
from steersman.servers.apiserver.crd.schemacheck import SchemaCheck
from steersman.servers.apiserver.crd.shape import validate_structure
from steersman.servers.apiserver.crd.structural import ABSENT, Structural, compile_schema
from steersman.servers.apiserver.crd.values import is_same, validate_value
from steersman.servers.apiserver.fielderrors import (
    FieldError,
    GoText,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    to_go_json,
    too_many,
)
from steersman.servers.apiserver.validation.names import (
    dns_label_1035,
    dns_subdomain,
)
from steersman.servers.apiserver.validation.objectmeta import immutable

__all__ = ["unjudged_rules", "validate_definition", "validate_definition_update"]

_Raw: TypeAlias = Mapping[str, Any]
_APPROVAL: Final = "api-approved.kubernetes.io"
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = (
    *("byte", "date", "date-time", "double", "float", "int32", "int64", "password"),
)
_MOST_SELECTABLE: Final = 8
_SHARED: Final = (
    ("schema", "validation"),
    ("subresources", "subresources"),
    ("additionalPrinterColumns", "additionalPrinterColumns"),
    ("selectableFields", "selectableFields"),
)


class _Form:
    """The internal form: what is shared by all versions, and the versions without it."""

    def __init__(self, spec: _Raw) -> None:
        self.versions: list[dict[str, Any]] = [dict(one) for one in spec.get("versions") or ()]
        self.shared: dict[str, Any] = {}
        for name, top in _SHARED:
            values = [one.get(name) for one in self.versions]
            if values and values[0] is not None and all(one == values[0] for one in values):
                self.shared[top] = values[0]
                for version in self.versions:
                    version.pop(name, None)

    def shown(self) -> GoText:
        """Prints the versions as the real server does."""
        return GoText(
            to_go_json(
                [
                    {
                        "Name": one.get("name"),
                        "Served": bool(one.get("served")),
                        "Storage": bool(one.get("storage")),
                        "Deprecated": bool(one.get("deprecated")),
                        "DeprecationWarning": one.get("deprecationWarning"),
                        "Schema": one.get("schema"),
                        "Subresources": one.get("subresources"),
                        "AdditionalPrinterColumns": one.get("additionalPrinterColumns"),
                        "SelectableFields": one.get("selectableFields"),
                    }
                    for one in self.versions
                ],
                sort_keys=False,
            )
        )


def validate_definition(crd: Manifest) -> list[FieldError]:
    """Returns every problem of a definition, without those of its metadata's form."""
    spec = crd["spec"]
    names = spec["names"]
    errors: list[FieldError] = []
    if name_of(crd) != f"{names.get('plural') or ''}.{spec.get('group') or ''}":
        text = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid("metadata.name", name_of(crd), text))
    errors += _validate_spec(spec)
    errors += _validate_stored(crd)
    return errors + _validate_approval(crd)


def validate_definition_update(new: Manifest, old: Manifest) -> list[FieldError]:
    """Returns what a change may not touch."""
    now, was = new["spec"], old["spec"]
    errors: list[FieldError] = []
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
        errors += immutable(now.get("scope"), was.get("scope"), "spec.scope")
        errors += immutable(now["names"].get("kind"), was["names"].get("kind"), "spec.names.kind")
    errors += immutable(now.get("group"), was.get("group"), "spec.group")
    return errors + immutable(
        now["names"].get("plural"), was["names"].get("plural"), "spec.names.plural"
    )


def unjudged_rules(crd: Manifest) -> Sequence[str]:
    """Names the rules that this server cannot judge."""
    texts: list[str] = []
    for path, schema in _schemas(_Form(crd["spec"])):
        check = SchemaCheck(judge_rules=True)
        check.check(schema, path)
        texts += check.unjudged
    return texts


def _schemas(form: _Form) -> list[tuple[str, _Raw]]:
    found = []
    for index, version in enumerate(form.versions):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is not None:
            found.append((f"spec.versions[{index}].schema.openAPIV3Schema", schema))
    schema = (form.shared.get("validation") or {}).get("openAPIV3Schema")
    if schema is not None:
        found.append(("spec.validation.openAPIV3Schema", schema))
    return found


def _validate_spec(spec: _Raw) -> list[FieldError]:
    form = _Form(spec)
    errors = _validate_group(spec.get("group") or "")
    scope = spec.get("scope") or ""
    if not scope:
        errors.append(required("spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(not_supported("spec.scope", scope, ("Cluster", "Namespaced")))
    if "validation" not in form.shared:
        errors += [
            required(f"spec.versions[{index}].schema.openAPIV3Schema")
            for index, one in enumerate(form.versions)
            if (one.get("schema") or {}).get("openAPIV3Schema") is None
        ]
    for index, version in enumerate(form.versions):
        errors += _validate_version(version, form, f"spec.versions[{index}]")
    names = [one.get("name") for one in form.versions]
    if len(set(names)) != len(names):
        errors.append(invalid("spec.versions", form.shown(), "must contain unique version names"))
    if sum(bool(one.get("storage")) for one in form.versions) != 1:
        text = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", form.shown(), text))
    errors += _validate_names(spec["names"])
    errors += _validate_parts(form.shared, form, "spec", "validation")
    errors += _validate_conversion(spec.get("conversion") or {})
    if spec.get("preserveUnknownFields"):
        text = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    return errors


def _validate_group(group: str) -> list[FieldError]:
    if not group:
        return [required("spec.group")]
    texts = dns_subdomain(group)
    if texts:
        return [invalid("spec.group", group, ",".join(texts))]
    if "." not in group:
        return [invalid("spec.group", group, "should be a domain with at least one dot")]
    return []


def _validate_version(version: _Raw, form: _Form, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    texts = dns_label_1035(version.get("name") or "")
    if texts:
        errors.append(invalid(f"{path}.name", version.get("name") or "", ",".join(texts)))
    warning = version.get("deprecationWarning")
    if warning is not None:
        errors += [
            invalid(f"{path}.deprecationWarning", warning, text)
            for text in _deprecation_problems(version, warning)
        ]
    return errors + _validate_parts(version, form, path, "schema")


def _deprecation_problems(version: _Raw, warning: str) -> list[str]:
    if not version.get("deprecated"):
        return ["can only be set for deprecated versions"]
    problems = []
    if len(warning.encode()) > 256:
        problems.append("must be <= 256 characters long")
    if not warning:
        problems.append("must not be an empty string")
    bad = next((at for at, one in enumerate(warning) if not one.isprintable()), None)
    if bad is not None:
        problems.append(
            "must only contain printable UTF-8 characters; non-printable character found at "
            f"index {bad}"
        )
    return problems


def _validate_parts(holder: _Raw, form: _Form, path: str, schema_name: str) -> list[FieldError]:
    """Checks schema, subresources, columns and selectable fields where they stand."""
    errors: list[FieldError] = []
    schema = (holder.get(schema_name) or {}).get("openAPIV3Schema")
    subresources = holder.get("subresources") or form.shared.get("subresources") or {}
    if schema is not None:
        has_status = subresources.get("status") is not None
        where = f"{path}.{schema_name}.openAPIV3Schema"
        errors += _validate_schema(schema, where, has_status=has_status)
    errors += _validate_subresources(holder.get("subresources") or {}, f"{path}.subresources")
    for index, column in enumerate(holder.get("additionalPrinterColumns") or ()):
        errors += _validate_column(column, f"{path}.additionalPrinterColumns[{index}]")
    fields = holder.get("selectableFields") or ()
    if fields:
        raw = schema or (form.shared.get("validation") or {}).get("openAPIV3Schema") or {}
        errors += _validate_selectable(fields, compile_schema(raw), f"{path}.selectableFields")
    return errors


def _validate_schema(schema: _Raw, path: str, *, has_status: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if has_status and schema.get("type") and schema["type"] != "object":
        text = (
            'only "object" is allowed as the type at the root of the schema if the status '
            "subresource is enabled"
        )
        errors.append(invalid(f"{path}.type", schema["type"], text))
    if schema.get("nullable"):
        errors.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    structure = validate_structure(schema, path)
    if not structure:
        structure = _validate_defaults(compile_schema(schema), path, root=True)
    errors += structure
    return errors + SchemaCheck(judge_rules=not structure).check(schema, path)


def _validate_defaults(schema: Structural, path: str, *, root: bool = False) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.default is not ABSENT:
        errors += _validate_default(schema, f"{path}.default")
    if schema.items is not None:
        errors += _validate_defaults(schema.items, f"{path}.items")
    for name, below in schema.properties.items():
        if not (root and name in ("metadata", "apiVersion", "kind")):
            errors += _validate_defaults(below, f"{path}.properties[{name}]")
    return errors


def _validate_default(schema: Structural, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if not is_same(_pruned(schema.default, schema), schema.default):
        errors.append(invalid(path, schema.default, "must not have unknown fields"))
    found: list[FieldError] = []
    validate_value(schema.default, schema, "", found)
    errors += [
        one._replace(field=f"{path}.{one.field}" if one.field != "<nil>" else path) for one in found
    ]
    if not errors and schema.has_rules:
        run = RuleRun({})
        run.run(schema.default, ABSENT, schema, path=path)
        errors += run.errors
    return errors


def _pruned(value: Any, schema: Structural) -> Any:
    match value:
        case dict() if not schema.preserves:
            kept = {}
            for name, one in value.items():
                below = schema.properties.get(name, schema.additional)
                if below is not None:
                    kept[name] = _pruned(one, below)
                elif schema.embedded and name in ("apiVersion", "kind", "metadata"):
                    kept[name] = one
            return kept
        case list() if schema.items is not None:
            items = schema.items
            return [_pruned(one, items) for one in value]
        case _:
            return value


def _validate_names(names: _Raw) -> list[FieldError]:
    path = "spec.names"
    errors = [
        required(f"{path}.{name}")
        for name in ("plural", "singular", "kind", "listKind")
        if not names.get(name)
    ]
    for name in ("plural", "singular", "kind", "listKind"):
        value = names.get(name) or ""
        mixed = name in ("kind", "listKind")
        texts = dns_label_1035(value.lower() if mixed else value) if value else []
        if texts:
            lead = "may have mixed case, but should otherwise match: " if mixed else ""
            errors.append(invalid(f"{path}.{name}", value, lead + ",".join(texts)))
    for index, short in enumerate(names.get("shortNames") or ()):
        texts = dns_label_1035(short)
        if texts:
            errors.append(invalid(f"{path}.shortNames[{index}]", short, ",".join(texts)))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        text = "kind and listKind may not be the same"
        errors.append(invalid(f"{path}.listKind", names["listKind"], text))
    for index, category in enumerate(names.get("categories") or ()):
        texts = dns_label_1035(category)
        if texts:
            errors.append(invalid(f"{path}.categories[{index}]", category, ",".join(texts)))
    return errors


def _validate_json_path(value: str, path: str) -> list[FieldError]:
    if value.startswith("."):
        return []
    return [invalid(path, value, "must be a simple json path starting with .")]


def _validate_subresources(subresources: _Raw, path: str) -> list[FieldError]:
    scale = subresources.get("scale")
    if scale is None:
        return []
    errors: list[FieldError] = []
    for name, prefix in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        where, value = f"{path}.scale.{name}", scale.get(name) or ""
        if not value:
            errors.append(required(where))
        elif problems := _validate_json_path(value, where):
            errors += problems
        elif not value.startswith(prefix):
            text = f"should be a json path under {prefix[:-1]}"
            errors.append(invalid(where, value, text))
    value = scale.get("labelSelectorPath") or ""
    where = f"{path}.scale.labelSelectorPath"
    if value and not value.startswith((".spec.", ".status.")):
        text = "should be a json path under either .spec or .status"
        errors += _validate_json_path(value, where) or [invalid(where, value, text)]
    return errors


def _validate_column(column: _Raw, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if not column.get("name"):
        errors.append(required(f"{path}.name"))
    kinds = f"must be one of {','.join(_COLUMN_TYPES)}"
    kind = column.get("type") or ""
    if not kind:
        errors.append(required(f"{path}.type", kinds))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(f"{path}.type", kind, kinds))
    form = column.get("format") or ""
    if form and form not in _COLUMN_FORMATS:
        text = f"must be one of {','.join(_COLUMN_FORMATS)}"
        errors.append(invalid(f"{path}.format", form, text))
    value = column.get("jsonPath") or ""
    if not value:
        errors.append(required(f"{path}.JSONPath"))
    else:
        errors += _validate_json_path(value, f"{path}.JSONPath")
    return errors


def _validate_selectable(fields: Sequence[_Raw], schema: Structural, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, one in enumerate(fields):
        where, value = f"{path}[{index}].jsonPath", one.get("jsonPath") or ""
        if not value:
            errors.append(required(where))
            continue
        found, problem = _find_field(value, schema)
        if found is None:
            errors.append(invalid(where, value, f"is an invalid path: {problem}"))
            continue
        if value.startswith(".metadata"):
            errors.append(invalid(where, value, "must not point to fields in metadata"))
        if found.type not in ("string", "boolean", "integer"):
            text = (
                "must point to a field of type string, boolean or integer. Enum string fields and "
                "strings with formats are allowed."
            )
            errors.append(invalid(where, value, text))
        if value in seen:
            errors.append(duplicate(where, value))
        seen.add(value)
    if len(seen) > _MOST_SELECTABLE:
        errors.append(too_many(path, len(seen), _MOST_SELECTABLE))
    return errors


def _find_field(path: str, schema: Structural) -> tuple[Structural | None, str]:
    if "[" in path:
        return None, "array notation is not allowed"
    if not path.startswith("."):
        return None, f"expected [ or . but got: {path.partition('.')[0]}"
    node = schema
    for name in path[1:].split("."):
        if not name:
            return None, "unexpected end of JSON path"
        below = node.properties.get(name, node.additional)
        if below is None:
            return None, "does not refer to a valid field"
        node = below
    return node, ""


def _validate_conversion(conversion: _Raw) -> list[FieldError]:
    path = "spec.conversion"
    strategy = conversion.get("strategy") or ""
    if not strategy:
        return [required(f"{path}.strategy")]
    if strategy not in ("None", "Webhook"):
        return [not_supported(f"{path}.strategy", strategy, ("None", "Webhook"))]
    webhook = conversion.get("webhook")
    if strategy == "None":
        if webhook is None:
            return []
        text = "should not be set when strategy is not set to Webhook"
        return [forbidden(f"{path}.webhookClientConfig", text)]
    config = (webhook or {}).get("clientConfig")
    errors: list[FieldError] = []
    if config is None:
        text = "required when strategy is set to Webhook"
        errors.append(required(f"{path}.webhookClientConfig", text))
    elif (config.get("url") is None) == (config.get("service") is None):
        text = "exactly one of url or service is required"
        errors.append(required(f"{path}.webhookClientConfig", text))
    versions = (webhook or {}).get("conversionReviewVersions") or ()
    if not versions:
        errors.append(required(f"{path}.conversionReviewVersions"))
    elif not {"v1", "v1beta1"} & {*versions}:
        text = "must include at least one of v1, v1beta1"
        errors.append(invalid(f"{path}.conversionReviewVersions", list(versions), text))
    return errors


def _validate_stored(crd: Manifest) -> list[FieldError]:
    path = "status.storedVersions"
    stored = (crd.get("status") or {}).get("storedVersions")
    if not stored:
        return [invalid(path, stored, "must have at least one stored version")]
    versions = crd["spec"].get("versions") or ()
    errors = [
        invalid(path, stored, f"must have the storage version {one['name']}")
        for one in versions
        if one.get("storage") and one["name"] not in stored
    ]
    names = {one["name"] for one in versions}
    for index, name in enumerate(stored):
        if name not in names:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must "
                "remain in spec.versions until a storage migration ensures no data remains "
                f"persisted in {name} and removes {name} from status.storedVersions"
            )
            errors.append(invalid(f"{path}[{index}]", name, text))
    return errors


def _validate_approval(crd: Manifest) -> list[FieldError]:
    if not is_protected_group(crd["spec"].get("group") or ""):
        return []
    approval = annotations_of(crd).get(_APPROVAL)
    path = f"metadata.annotations[{_APPROVAL}]"
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    if approval is None:
        text = f"protected groups must have approval annotation {quote(_APPROVAL)}, {see}"
        return [required(path, text)]
    if approval.startswith("unapproved") or "://" in approval:
        return []
    text = (
        f"protected groups must have approval annotation {quote(_APPROVAL)} with either a URL or a "
        f'reason starting with "unapproved", {see}'
    )
    return [invalid(path, approval, text)]
