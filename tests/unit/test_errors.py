from __future__ import annotations

import steersman.errors as errors


def test_every_error_of_the_tree_is_exported_and_has_a_reason() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert defined == set(errors.__all__)
    assert all(getattr(errors, name).default_reason[0].isupper() for name in defined)


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert errors.__doc__ is not None
    assert [name for name in errors.__all__ if name not in errors.__doc__] == []
