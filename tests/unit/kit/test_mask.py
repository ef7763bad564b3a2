from __future__ import annotations

import pickle

import pytest

from steersman.kit.mask import Secret, mask_text


def test_a_secret_is_printed_as_stars_only():
    assert repr(Secret("hunter2")) == "Secret(*****)"
    assert f"{[Secret(b'hunter2')]}" == "[Secret(*****)]"


@pytest.mark.parametrize("print_it", [str, "{}".format, pickle.dumps, lambda s: f"{s}"])
def test_a_secret_refuses_to_become_a_text(print_it):
    with pytest.raises(TypeError):
        print_it(Secret("hunter2"))


def test_a_secret_is_revealed_where_it_is_sent():
    assert Secret("hunter2").reveal() == "hunter2"


def test_secrets_are_struck_out_of_texts_longest_first():
    secrets = [Secret("token"), Secret("token-long"), Secret("abc")]
    text = mask_text("sent token-long and token to abc", secrets)
    assert text == "sent ***** and ***** to abc"
