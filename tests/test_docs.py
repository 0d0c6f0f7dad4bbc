"""What the documents quote exists: commands, settings, files."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scan_api.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
WORDS = re.compile(r"`onecode ((?:[a-z]+(?:-[a-z]+)* ?)+)")


def commands():
    quoted = {match.strip() for page in PAGES for match in WORDS.findall(page.read_text())}
    return sorted(one for one in quoted if not one.startswith(("token", "digsig v")))  # Labels of keys.


@pytest.mark.parametrize("command", commands())
def test_a_quoted_command_exists(command):
    said = CliRunner().invoke(app, [*command.split(), "--help"])
    assert said.exit_code == 0, said.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_quoted_settings_exist(page):
    known = (ROOT / "foundation" / "settings.py").read_text() + "ONECODE_PICTURES"
    for variable in re.findall(r"ONECODE_[A-Z_]*[A-Z]", page.read_text()):
        assert variable in known, f"{page.name} quotes {variable}, which no setting has"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page):
    for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_make_targets_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page in PAGES:
        for quoted in re.findall(r"`make ([a-z]+)`", page.read_text()):
            assert quoted in targets
