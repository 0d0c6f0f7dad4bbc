"""Starts our programs as children of one process that has imported them: a test waits for its screens, not for imports.

`Warm.command` is the command of a little program that stands for the real one: it hands its environment, folder and
output over, passes SIGTERM on, and ends with the real one's status. If it is killed, so is the real one.
"""

import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

IMPORTED = ("scan_api.app", "scan_api.commands.running", "uvicorn", "console.__main__")


class Warm:
    def __init__(self, folder: Path) -> None:
        self._address = str(folder / "warm")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm", self._address], stdin=subprocess.PIPE, env=environment
        )

    def command(self, module: str, *args: str) -> list[str]:
        return [sys.executable, "-SE", __file__, "for", self._address, module, *args]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # It ends when nobody can ask it any more.
        self._process.wait(30)


def serve(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(16)  # Who asks before everything is imported waits in line.
        for module in IMPORTED:
            __import__(module)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody asks how a keeper ended.
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            asked, _ = door.accept()
            if os.fork() == 0:
                door.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _keep(asked)
            asked.close()


def _keep(asked: socket.socket) -> None:
    """Fork the program, tell its number and its status; end it when nobody waits for it any more."""
    told, fds, _, _ = socket.recv_fds(asked, 1 << 20, 3)
    program = os.fork()
    if program == 0:
        asked.close()
        _become(json.loads(told), fds)
    for one in fds:
        os.close(one)
    asked.sendall(f"{program}\n".encode())
    while True:
        left, status = os.waitpid(program, os.WNOHANG)
        if left:
            asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os._exit(0)
        if select.select([asked], [], [], 0.05)[0]:
            os.kill(program, signal.SIGKILL)
            os._exit(1)


def _become(wanted: dict[str, Any], fds: list[int]) -> None:
    status = 1
    try:
        os.setsid()
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.chdir(wanted["folder"])
        sys.argv = [wanted["module"], *wanted["args"]]
        sys.modules.pop(f"{wanted['module']}.__main__", None)
        runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def stand_for(address: str, module: str, *args: str) -> int:
    wanted = {"environment": dict(os.environ), "folder": os.getcwd(), "module": module, "args": args}
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        socket.send_fds(asked, [json.dumps(wanted).encode()], [0, 1, 2])
        lines = asked.makefile()
        program = int(lines.readline())
        signal.signal(signal.SIGTERM, lambda *_: os.kill(program, signal.SIGTERM))
        return int(lines.readline() or 1)


if __name__ == "__main__":
    if sys.argv[1] == "for":
        raise SystemExit(stand_for(*sys.argv[2:]))
    serve(sys.argv[1])
