"""What every test has: a home of its own, no configuration of whoever runs it; a studio where it asks."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import canary
import pytest
from canary import KEY
from studio import Run, Studio

from storyboard.cli.main import status


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(canary, "canary")
    # Background jobs of a shell, and of nohup, ignore these; so would the commands that tests interrupt.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, a configuration and an environment that no other test and no user has."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith(("STORYBOARD_", "APIKLEY_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("COLUMNS", raising=False)  # Workers have it: lines would be wrapped.
    monkeypatch.setenv("STORYBOARD_HOME", str(home / "store"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


@pytest.fixture
def studio(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("APIKLEY_API_KEY", KEY)
    folder = tmp_path / "project"
    folder.mkdir()
    environ = {
        "STORYBOARD_HOME": str(own_home / "store"),
        "STORYBOARD_TIME_SCALE": "0.002",
        "STORYBOARD_UPLOADS": "provider",
    }
    studio = Studio(folder, environ)
    yield studio
    studio.close()


@pytest.fixture
def run(studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command at the prompt, in process: (exit status, stdout, stderr)."""
    monkeypatch.chdir(studio.folder)

    def command(*arguments: str) -> tuple[int, str, str]:
        for name, value in studio.environ.items():
            monkeypatch.setenv(name, value)
        left = status(arguments)
        out, err = capsys.readouterr()
        return left, out, err

    return command


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted (``record_property("figure", (name, number))``), summed up over them."""
    figures: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in report.user_properties:
                    figures.update(dict([value]) if name == "figure" else {})
    for name, number in sorted(figures.items()):
        terminalreporter.write_line(f"{name}: {number}")
