"""The list of commands: every one of them is where the list says, and says of itself what the list says of it."""

import subprocess
import sys

import pytest

from scan_api import cli


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_command_is_where_the_list_says_and_says_the_same(name):
    command = cli.load(name)
    assert command.name == name
    assert (command.help or command.callback.__doc__).split("\n\n")[0].replace("\n", " ") == cli.COMMANDS[name][0]


def test_the_list_is_shown_without_importing_what_it_lists():
    told = "import sys; from typer.testing import CliRunner; from scan_api import cli; "
    told += "print(CliRunner().invoke(cli.app, ['--help']).output); "
    told += "print([one for one in sys.modules if one.startswith('scan_api.commands.')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in cli.COMMANDS)
    assert done.stdout.endswith("[]\n")


def test_a_command_that_is_none_is_refused_with_the_nearest_names():
    done = subprocess.run([sys.executable, "-m", "scan_api", "rans"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command 'rans'" in done.stderr
    assert "runs" in done.stderr
