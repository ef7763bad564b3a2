"""Ignore rules, case by case as Flux's own suite has them, and as its documentation says."""

from __future__ import annotations

import time

import pytest

from steersman.sources.ignore import compile_name_pattern, read_rules

OUT, IN = True, False


def decision(line: str, path: str, *, directory: bool = False, domain: str = "") -> bool:
    return read_rules({domain: line}, None).leaves_out(path, is_directory=directory)


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        ("value", "value/tail", OUT),
        ("value", "head/value/tail", OUT),
        ("value", "head/value", OUT),
        ("value/", "value/tail", OUT),
        ("value/", "head/value/tail", OUT),
        ("value/", "head/value", IN),
        ("value", "head/val/tail", IN),
        ("val", "head/value/tail", IN),
        ("v*o", "value/vulkano/tail", OUT),
        ("vul?ano", "value/vulkano/tail", OUT),
        ("v[ou]l[kc]ano", "value/volcano", OUT),
        ("v[ou]l[", "value/vol[", IN),
        ("/value/vul?ano", "value/vulkano/tail", OUT),
        ("value/vul?ano", "value/vulkano/tail", OUT),
        ("value/vulkano", "value/volcano", IN),
        ("value/vul?ano", "value", IN),
        ("/value/volcano", "value/value/volcano", IN),
        ("**/*lue/vol?ano", "value/volcano/tail", OUT),
        ("**/*lue/vol?ano", "head/value/volcano/tail", OUT),
        ("**/*lue/vol?ano", "head/value/Volcano/tail", IN),
        ("**/*lue/vol?ano/", "head/value/volcano/tail", OUT),
        ("**/*lue/vol?ano/", "head/value/volcano", IN),
        ("/*lue/vol?ano/**", "value/volcano/tail/moretail", OUT),
        ("/*lue/vol?ano/**", "value/volcano", OUT),
        ("/*lue/**/vol?ano", "value/volcano", OUT),
        ("/*lue/**/vol?ano", "value/middle/volcano", OUT),
        ("/*lue/**/vol?ano", "value/middle1/middle2/volcano", OUT),
        ("/*lue/**/vol?ano/", "value/middle1/middle2/volcano", IN),
        ("/*lue/**/vol?ano/", "value/middle1/middle2/volcano/tail", OUT),
        ("/*lue/**foo/vol?ano", "value/foo/volcano/tail", IN),
        ("**/head/v[ou]l[kc]ano", "value/head/volcano", OUT),
        ("**/head/v[ou]l[", "value/head/vol[", IN),
        ("/value/**/v[ou]l[", "value/head/vol[", IN),
        (
            "**/android/**/GeneratedPluginRegistrant.java",
            "packages/flutter_tools/lib/src/android/gradle.dart",
            IN,
        ),
        ("a\\ ", "a ", OUT),
        ("a  ", "a", OUT),
        ("\\#a", "#a", OUT),
        ("**", "any/thing", OUT),
    ],
)
def test_a_pattern_decides_about_a_file(line: str, path: str, expected: bool) -> None:
    assert decision(line, path) is expected


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("value/", "head/value"),
        ("**/*lue/vol?ano/", "head/value/volcano"),
        ("/*lue/**/vol?ano/", "value/middle1/middle2/volcano"),
    ],
)
def test_a_pattern_with_a_slash_at_its_end_is_about_directories(line: str, path: str) -> None:
    assert decision(line, path, directory=True)


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        ("middle/", "value/volcano/middle/tail", OUT),
        ("volcano/", "value/volcano/tail", IN),
        ("volcano/tail", "value/volcano/tail", IN),
        ("tail", "value/_volcano_/tail", IN),
        ("tail", "value/volcano", IN),
    ],
)
def test_a_file_of_rules_counts_only_in_its_directory(line: str, path: str, expected: bool) -> None:
    assert decision(line, path, domain="value/volcano") is expected


FILES = [
    ".git/config",
    ".github/workflows/ci.yml",
    ".gitignore",
    "a/.sops.yaml",
    "a/b.tar.gz",
    "apps/web.yaml",
    "charts/x.tgz",
    "ignored/kept.yaml",
    "ignored/other.yaml",
    "logo.png",
]


@pytest.mark.parametrize(
    ("files", "spec", "kept"),
    [
        pytest.param(
            {},
            None,
            ["apps/web.yaml", "charts/x.tgz", "ignored/kept.yaml", "ignored/other.yaml"],
            id="without any pattern the defaults count",
        ),
        pytest.param(
            {"": "# nothing\n\n   \n"},
            "# nothing either\n",
            ["apps/web.yaml", "charts/x.tgz", "ignored/kept.yaml", "ignored/other.yaml"],
            id="comments are no patterns",
        ),
        pytest.param(
            {},
            "/ignored/*\n!/ignored/kept.yaml",
            [
                ".github/workflows/ci.yml",
                "a/.sops.yaml",
                "a/b.tar.gz",
                "apps/web.yaml",
                "charts/x.tgz",
                "ignored/kept.yaml",
                "logo.png",
            ],
            id="any pattern replaces the defaults but version control",
        ),
        pytest.param({}, "/*\n!/apps", ["apps/web.yaml"], id="everything but one directory"),
        pytest.param(
            {"": "*.png\n", "ignored": "kept.yaml\r\n"},
            "!*.png\n.github/\na/",
            ["apps/web.yaml", "charts/x.tgz", "ignored/other.yaml", "logo.png"],
            id="the spec has the last word over the files",
        ),
    ],
)
def test_which_files_stay(files: dict[str, str], spec: str | None, kept: list[str]) -> None:
    assert read_rules(files, spec).keep(FILES) == kept


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("abc", "abc", True),
        ("*", "", True),
        ("a*", "abc", True),
        ("a*/b", "abc/b", True),
        ("a*b*c*d*e*", "axbxcxdxe", True),
        ("a*b?c*x", "abxbbxdbxebxczzx", True),
        ("a*b?c*x", "abxbbxdbxebxczzy", False),
        ("ab[c]", "abc", True),
        ("ab[b-d]", "abc", True),
        ("ab[e-g]", "abc", False),
        ("ab[^c]", "abc", False),
        ("ab[^e-g]", "abc", True),
        ("ab[!c]", "abc", True),
        ("a\\*b", "a*b", True),
        ("a\\*b", "ab", False),
        ("a?b", "a☺b", True),
        ("a???b", "a☺b", False),
        ("[a-ζ]*", "α", True),
        ("*[a-ζ]", "A", False),
        ("a?b", "a/b", False),
        ("a*b", "a/b", False),
        ("[\\]a]", "]", True),
        ("[\\-]", "-", True),
        ("[x\\-]", "z", False),
        ("[x-]", "x", False),
        ("[-]", "-", False),
        ("[]a]", "]", False),
        ("[a-b-c]", "a", False),
        ("[", "a", False),
        ("[^", "a", False),
        ("[^bc", "a", False),
        ("a[", "ab", False),
        ("a\\", "a\\", False),
        ("*x", "xxx", True),
        ("[c-a]", "b", False),
        ("[^c-a]", "b", True),
    ],
)
def test_names_match_as_in_go(pattern: str, name: str, expected: bool) -> None:
    assert compile_name_pattern(pattern)(name) is expected


def test_a_hostile_pattern_takes_no_time() -> None:
    began = time.perf_counter()
    assert not compile_name_pattern("*a" * 60 + "b")("a" * 250)
    assert time.perf_counter() - began < 0.5
