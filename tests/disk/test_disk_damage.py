"""What was damaged while nobody looked: it is said, nothing is guessed, nothing is asked for, exit 6."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from studio import Studio
from tiers import every

from storyboard.cli.exit_status import error_status
from storyboard.cli.main import status
from storyboard.model.errors import LocalFault
from storyboard.state.ledger import Ledger

pytestmark = pytest.mark.ci

Open = Callable[[str], Studio]


@pytest.fixture
def bought(open_studio: Open) -> Studio:
    """A studio whose two scenes are bought, and a third is wanted."""
    studio = open_studio("damage")
    prompts = [f"A gull {id(studio)}", f"A tern {id(studio)}"]
    studio.scenes(*prompts)
    assert studio.render(cut=False).exit == 0
    studio.scenes(*prompts, f"A heron {id(studio)}")
    return studio


def ledger_of(studio: Studio) -> Path:
    return studio.folder.parent / "home" / "rehearsals" / "ledger.db"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_database(path: Path) -> None:
    path.write_bytes(b"crc32 {json}\n" * 1000)


def later(path: Path) -> None:
    changed(path, "PRAGMA user_version = 99")


def without_its_log(path: Path) -> None:
    """The last change is in ledger.db-wal alone, which is gone."""
    with closing(Ledger(path)) as ledger:
        ledger.pins.record_pins("/film.lock.yaml", ["d" * 64], 1.0)
        content = path.read_bytes()
    path.write_bytes(content)
    for beside in ("-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)


def without_a_table(path: Path) -> None:
    changed(path, "DROP TABLE takes")


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def rows(what: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        changed(path, f"UPDATE {'takes' if 'digest' in what else 'jobs'} SET {what}")

    damage.__name__ = what
    return damage


DAMAGE = [
    truncated,
    emptied,
    gone,
    a_folder,
    no_database,
    later,
    without_its_log,
    without_a_table,
    rows("state = 'sold'"),
    rows("digest = '../../../etc/passwd'"),
]


@pytest.mark.parametrize("damage", every(4, DAMAGE), ids=lambda damage: damage.__name__)
def test_a_damaged_ledger_stops_everything(
    bought: Studio, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Truncated, emptied, gone, or with rows that make no sense: no request leaves, and the file is left as it is."""
    path = ledger_of(bought)
    damage(path)
    before = path.read_bytes() if path.is_file() else b""
    service = bought.service
    assert service
    posts = service.posts
    for name, value in bought.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bought.folder)
    assert status(["render", "film.yaml", "--yes"]) == 6
    said = capsys.readouterr().err
    assert "ledger" in said
    assert "hint" in said
    assert service.posts == posts
    assert (path.read_bytes() if path.is_file() else b"") == before
    assert status(["doctor", "--offline", "--json"]) == 6
    findings = {one["subject"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["ledger"]["state"] == "bad"


@pytest.mark.ci
def test_flipped_bytes_never_buy_again(bought: Studio) -> None:
    """A few bytes anywhere in the ledger: it is found, or it changes nothing that money depends on."""
    path, service = ledger_of(bought), bought.service
    assert service
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole, chance, found = path.read_bytes(), random.Random(1), 0
    with closing(Ledger(path)) as ledger:
        known = {entry.key: (entry.state, entry.job) for entry in ledger.submissions.all()}
    for _ in range(1500):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        for beside in ("-wal", "-shm"):
            Path(f"{path}{beside}").unlink(missing_ok=True)
        try:
            with closing(Ledger(path)) as ledger:
                now = {
                    entry.key: (entry.state, entry.job) for key in known if (entry := ledger.submissions.of_key(key))
                }
                ledger.takes.all()
        except LocalFault:
            found += 1
        else:
            assert now == known
    assert found > 100


def test_a_damaged_take_is_fetched_again_for_nothing(bought: Studio) -> None:
    """It is set aside, the render says so with exit 6, and the next one fetches it; nothing is bought."""
    service = bought.service
    assert service
    assert bought.render(cut=False).exit == 0
    posts = service.posts
    take = next((ledger_of(bought).parent / "takes").glob("??/*.mp4"))
    take.chmod(0o644)
    take.write_bytes(take.read_bytes()[:-1] + b"x")
    with pytest.raises(LocalFault, match="damaged"):
        bought.render()
    assert (bought.render().exit, service.posts) == (0, posts)


def test_a_lost_store_is_filled_again_for_nothing(bought: Studio) -> None:
    service = bought.service
    assert service
    assert bought.render(cut=False).exit == 0
    posts = service.posts
    shutil.rmtree(ledger_of(bought).parent / "takes")
    assert (bought.render().exit, service.posts) == (0, posts)


@pytest.mark.parametrize("place", ["home", "home/rehearsals", "home/rehearsals/takes", "home/rehearsals/runs"])
def test_a_file_where_a_folder_belongs_is_said(open_studio: Open, place: str) -> None:
    """Nothing is asked for, and no traceback."""
    studio = open_studio("blocked")
    path = studio.folder.parent / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")
    studio.scenes(f"A gull {place}")
    service = studio.service
    assert service
    posts = service.posts
    try:
        left = studio.render().exit
    except LocalFault as error:
        left = error_status(error)
    assert left == 6
    assert service.posts - posts == (1 if place.endswith("takes") else 0)
    path.unlink()
    assert (studio.render().exit, service.posts) == (0, posts + 1)
