"""storyboard emulator at the prompt: one address on stdout, words on stderr, a quiet end."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

STORYBOARD = [sys.executable, "-m", "storyboard", "emulator"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STORYBOARD, *arguments], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """A script could not read the address, or would leave servers and folders behind."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [*STORYBOARD, "--plain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        asked = urllib.request.Request(f"{url}/api/v1/chat/credit", headers={"Authorization": "Bearer rehearsal"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert b'"code": 200' in answer.read()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert f"APIKLEY_BASE_URL={url} APIKLEY_API_KEY=rehearsal" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fault", "sumbit:http=500"], "no fault can be put at 'sumbit'"),
        (["--rate", "20"], "write submissions/seconds, such as 20/10"),
        (["--rate", "20/0"], "write submissions/seconds, such as 20/10"),
        (["--port", "70000"], "--port"),
    ],
)
def test_wrong_arguments_are_said(arguments: list[str], told: str) -> None:
    """A rehearsal would run without what was asked for."""
    result = run(*arguments)
    assert result.returncode == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_taken_port_is_said() -> None:
    """Somebody else's server would be taken for the emulator."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--port", str(port))
    assert result.returncode == 2
    assert f"port {port} of 127.0.0.1 is taken" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_faults_are_listed() -> None:
    """--help points there."""
    result = run("--list-faults")
    assert result.returncode == 0
    assert "clip:cut" in result.stdout
    assert "submit:http=CODE" in result.stdout
