"""The documentation is complete and true: generated pages, links, names, commands."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from scripts.reference import PAGES

from steersman.apis import kustomization, meta, reasons
from steersman.apis.crds import KINDS
from steersman.cli.main import COMMANDS, steersman

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
TOP = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES_OF_HAND = [path for path in [*TOP, *DOCS] if path.name not in PAGES]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(*parts: str) -> str:
    return ROOT.joinpath("docs", *parts).read_text()


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_new(name: str) -> None:
    assert read("reference", name) == PAGES[name](), "run `make docs`"


def constants(module: object) -> dict[str, str]:
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }


@pytest.mark.parametrize("reason", constants(reasons).values())
def test_every_reason_is_explained(reason: str) -> None:
    assert f"| `{reason}` |" in read("reference", "reasons.md")


def test_every_explained_reason_exists() -> None:
    rows = read("reference", "reasons.md").partition("## Reasons")[2]
    explained = re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)
    assert sorted(explained) == sorted(constants(reasons).values())


def test_every_condition_type_is_explained() -> None:
    text = read("reference", "reasons.md")
    types = [value for value in constants(meta).values() if re.fullmatch(r"[A-Z][A-Za-z]+", value)]
    assert len(types) == 10
    assert [one for one in types if f"| `{one}` |" not in text] == []


def test_every_annotation_and_label_is_explained() -> None:
    text = read("reference", "annotations.md")
    keys = [
        value
        for module in (meta, kustomization)
        for value in constants(module).values()
        if ".fluxcd.io" in value
    ]
    assert [key for key in keys if key not in text] == []


def test_every_command_and_kind_has_a_section() -> None:
    commands, kinds = read("reference", "commands.md"), read("reference", "kinds.md")
    assert [one.name for one in COMMANDS if f"\n## steersman {one.name}\n" not in commands] == []
    assert [one.gvk.kind for one in KINDS if f"\n## {one.gvk.kind}\n" not in kinds] == []


def test_every_page_is_reachable_from_the_index() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [target for target, _ in links(page)]
    assert [relative(path) for path in DOCS if path not in reached] == []


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yields the files that a page links to, with the fragment."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, fragment = target.partition("#")
            yield ((page.parent / path).resolve() if path else page), fragment


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", [*TOP, *DOCS], ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    broken = [
        f"{path.name}#{fragment}"
        for path, fragment in links(page)
        if not path.exists() or (fragment and fragment not in anchors(path))
    ]
    assert broken == []


def command_lines(page: Path) -> Iterator[str]:
    """Yields the lines of shell blocks, without prompts, comments and continuations."""
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield re.sub(r"\s+#.*$", "", line)


def our_commands(line: str) -> Iterator[list[str]]:
    """Yields what follows ``steersman`` in a line of shell."""
    for part in re.split(r"&&|\||;|>", line):
        words = shlex.split(part)
        if "steersman" in words:
            yield words[words.index("steersman") + 1 :]


def refuse_unknown(words: list[str]) -> None:
    """Raises when a command line names a command or option that is not there."""
    root = click.Context(steersman)
    command = steersman.get_command(root, words[0])
    assert command is not None, f"no command {words[0]}"
    command.make_context(words[0], words[1:], parent=root, resilient_parsing=True)


@pytest.mark.parametrize("page", PAGES_OF_HAND, ids=relative)
def test_commands_in_the_text_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in command_lines(page):
        for words in our_commands(line):
            refuse_unknown(words)
        for target in re.findall(r"^make ([\w-]+)", line):
            assert target in targets, line


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_examples_in_the_help_are_command_lines(entry: object) -> None:
    root = click.Context(steersman)
    command = steersman.get_command(root, entry.name)  # type: ignore[attr-defined]
    assert command is not None
    examples = (command.epilog or "").partition("Examples:")[2]
    lines = re.findall(r"^  (steersman .+?)(?:   +.*)?$", examples, re.MULTILINE)
    assert lines
    for line in lines:
        for words in our_commands(line):
            refuse_unknown(words)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=relative)
def test_a_decision_is_one_page_with_all_parts(page: Path) -> None:
    text = page.read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives"]
    assert len(text.splitlines()) <= 60
    assert re.match(rf"# {int(page.name[:4])}\. ", text)


def test_every_layer_is_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    packages = sorted(path.parent.name for path in (ROOT / "src/steersman").glob("*/__init__.py"))
    assert [name for name in packages if f"`{name}`" not in text] == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        relative(path)
        for path in (ROOT / "src").rglob("__init__.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
