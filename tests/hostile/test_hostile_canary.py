"""The canary itself: it finds a key wherever one is planted, and a session with a hit fails."""

import subprocess
import sys
from pathlib import Path

import pytest
from canary import KEY, Canary
from tiers import every

ROOT = Path(__file__).resolve().parents[2]

LEAKS = {
    "stdout": "def test(capsys):\n    print(KEY)\n    capsys.readouterr()\n",
    "nobody reads it": "def test():\n    print(KEY)\n",
    "stderr of a child": (
        "def test():\n    run = f'import sys; sys.stderr.write({KEY[:9]!r} + {KEY[9:]!r})'\n"
        "    subprocess.run([sys.executable, '-c', run], capture_output=True, check=True)\n"
    ),
    "an exception": "def test():\n    with pytest.raises(ValueError):\n        raise ValueError('Bearer ' + KEY)\n",
    "a file": "def test(tmp_path):\n    (tmp_path / 'x').write_bytes(b'\\0' * 5000 + KEY.encode())\n",
    "a child's environment": "def test():\n    subprocess.run(['true'], env={'A': KEY}, check=True)\n",
    "a child's arguments": "def test():\n    subprocess.run(['true', KEY], check=True)\n",
}


def session(folder: Path, test: str, *flags: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text("pytest_plugins = ('canary',)\n")
    head = "import subprocess, sys\nimport pytest\nfrom canary import KEY\n\n"
    (folder / "test_leak.py").write_text(head + test)
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import pytest; sys.exit(pytest.main({[*flags]!r}))"
    )
    return subprocess.run([sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True)


def said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.replace(KEY, "the key")


@pytest.mark.parametrize("leak", every(3, LEAKS))
@pytest.mark.ci
def test_a_leak_fails_the_session(tmp_path: Path, leak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary that never sings says nothing about the air."""
    monkeypatch.setattr("canary.CANARY.look", lambda *_: None)  # this session is not the one that leaks
    done = session(tmp_path, LEAKS[leak], "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'temp'}")
    assert done.returncode == 1, said(done)
    assert "1 passed" in done.stdout
    assert "CANARY " in done.stdout
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.unlink()


@pytest.mark.ci
def test_a_leak_in_a_worker_fails_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI runs with two workers: what one of them sees must reach the session."""
    monkeypatch.setattr("canary.CANARY.look", lambda *_: None)
    done = session(tmp_path, LEAKS["stdout"], "-p", "no:cacheprovider", "-n", "1", f"--basetemp={tmp_path / 'temp'}")
    assert done.returncode == 1, said(done)
    assert "CANARY " in done.stdout


@pytest.mark.ci
def test_a_session_that_leaks_nothing_passes(tmp_path: Path) -> None:
    done = session(tmp_path, "def test(capsys):\n    print('fine')\n", "-p", "no:cacheprovider")
    assert done.returncode == 0, said(done)


def test_no_page_and_no_picture_has_a_key() -> None:
    """What is published was made on somebody's machine."""
    canary = Canary()
    canary.files(ROOT / "docs")
    assert not canary.hits
