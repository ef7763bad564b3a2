"""The frame of the command line: help, exit codes, errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest

from steersman.cli import main as main_module
from steersman.cli.main import COMMANDS, run, steersman
from steersman.errors import Bug, InvalidSpec, SteersmanError


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_every_command_exists_and_has_examples(
    entry: main_module.CommandEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([entry.name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: steersman {entry.name}")
    assert "Examples:\n" in text
    assert f"  steersman {entry.name}" in text


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from steersman.cli.main import run; run(['--help']);"
        "heavy = {'asyncio', 'aiohttp', 'msgspec', 'pygit2', 'rich', 'yaml', 'cryptography',"
        " 'steersman.apis.meta'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {entry.name} " in text and entry.summary in text for entry in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["versoin"], "No such command 'versoin'. Did you mean 'version'?"),
        (["xyz"], "No such command 'xyz'."),
        (["version", "-o", "xml"], "Invalid value for '-o' / '--output'"),
        (["init"], "Missing argument 'DIRECTORY'."),
        (["init", "x", "--git-url", "git@host:x"], "must start with http://, https:// or ssh://"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            InvalidSpec("spec.path: not there", hint="push it"),
            1,
            "✗ error: InvalidSpec: spec.path: not there\n  hint: push it\n",
        ),
        (SteersmanError("no"), 1, "✗ error: Failed: no\n"),
        (Bug("broken invariant"), 70, "✗ error: InternalError: broken invariant\n"),
        (RuntimeError("oops"), 70, "✗ error: InternalError: RuntimeError: oops\n"),
        (ExceptionGroup("many", [SteersmanError("no")]), 1, "✗ error: Failed: no\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["an error with a hint", "an error", "a bug", "anything else", "a group", "Ctrl-C"],
)
def test_errors_become_exit_codes(
    error: BaseException,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @click.command("fails")
    def fails() -> NoReturn:
        raise error

    monkeypatch.setattr(type(steersman), "get_command", lambda *_: fails)
    assert run(["fails"]) == code
    assert said in capsys.readouterr().err


def test_init_prints_paths_on_stdout_and_talk_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}/d1-fleet\n{tmp_path}/d1-infra\n"
    assert said.err == (
        f"✚ {tmp_path}/d1-fleet\n✚ {tmp_path}/d1-infra\n"
        "✔ 3 clusters, branches main and production\n"
        f"  next: cd {tmp_path} && steersman up --data .steersman\n"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert "_STEERSMAN_COMPLETE" in capsys.readouterr().out
