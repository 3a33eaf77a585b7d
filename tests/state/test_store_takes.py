"""The store and the disk below it: a name has all its bytes, or is not there."""

import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from storyboard.model.errors import Busy, LocalFault
from storyboard.state.store import Store
from storyboard.system import claims, files

CLIP = b"a clip" * 1000
DIGEST = hashlib.sha256(CLIP).hexdigest()


def arrived(store: Store, content: bytes = CLIP) -> Path:
    path = store.arrival_path("run1")
    path.write_bytes(content)
    return path


def test_a_take_is_named_by_its_bytes(tmp_path: Path) -> None:
    """sha256sum proves it, and nobody writes into it by mistake."""
    store = Store(tmp_path / "takes")
    path = store.put(arrived(store), DIGEST)
    assert path == store.path(DIGEST)
    assert store.holds(DIGEST, len(CLIP))
    assert store.is_intact(DIGEST)
    assert list(store) == [DIGEST]
    assert path.stat().st_mode & 0o777 == 0o400
    assert not list((tmp_path / "takes" / "arriving").iterdir())


def test_a_short_or_changed_take_is_not_held(tmp_path: Path) -> None:
    """A damaged take is moved aside, kept for a look, and fetched again."""
    store = Store(tmp_path / "takes")
    assert not store.holds(DIGEST, len(CLIP))
    assert not store.is_intact(DIGEST)
    path = store.put(arrived(store), DIGEST)
    assert not store.holds(DIGEST, len(CLIP) + 1)
    path.chmod(0o644)
    path.write_bytes(b"b" + CLIP[1:])
    assert store.holds(DIGEST, len(CLIP))
    assert not store.is_intact(DIGEST)
    aside = store.set_aside(path)
    assert aside.exists()
    assert list(store) == []


def test_the_same_take_twice_is_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "takes")
    store.put(arrived(store), DIGEST)
    store.put(arrived(store), DIGEST)
    assert list(store) == [DIGEST]


def test_what_a_dead_run_left_half_way_in_is_swept(tmp_path: Path) -> None:
    """A kill during a download leaves no rubbish; a living neighbour's download is left alone."""
    store = Store(tmp_path / "takes")
    dead, living = store.arrival_path("dead"), store.arrival_path("living")
    for path in (dead, living):
        path.write_bytes(b"half")
    store.sweep(lambda run: run == "living")
    assert (dead.exists(), living.exists()) == (False, True)


def test_only_this_user_sees_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "takes")
    store.put(arrived(store), DIGEST)
    assert store.root.stat().st_mode & 0o777 == 0o700


def test_a_file_is_replaced_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    """An unchanged lock file keeps its bytes and its time."""
    path = tmp_path / "deep" / "film.lock.yaml"
    assert files.replace(path, b"one")
    before = path.stat().st_ino
    assert not files.replace(path, b"one")
    assert path.stat().st_ino == before
    assert files.replace(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["film.lock.yaml"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """A player, or the next run, would find half a film under a good name."""
    out = tmp_path / "new folder" / "film.mp4"
    with pytest.raises(UnicodeEncodeError), files.atomic_output(out) as staging:
        staging.write_text("half\ud800")
    assert not list(out.parent.iterdir())
    with files.atomic_output(out) as staging:
        staging.write_bytes(b"whole")
    assert list(out.parent.iterdir()) == [out]
    assert out.read_bytes() == b"whole"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~mask


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    """The film's name is a folder's: a traceback would say so."""
    (tmp_path / "film.mp4").mkdir()
    with pytest.raises(LocalFault, match=r"film\.mp4"), files.atomic_output(tmp_path / "film.mp4") as staging:
        staging.write_bytes(b"whole")


def test_a_link_is_replaced_never_followed(tmp_path: Path) -> None:
    """A project that was cloned cannot make us write over a file elsewhere."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    link = tmp_path / "film.lock.yaml"
    link.symlink_to(victim)
    files.replace(link, b"lock")
    assert victim.read_bytes() == b"precious"
    assert link.read_bytes() == b"lock"


def test_a_linked_scratch_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".storyboard").symlink_to("/tmp")
    with pytest.raises(LocalFault, match="symbolic link"):
        files.scratch_dir(tmp_path)


def test_the_scratch_folder_hides_itself_from_git(tmp_path: Path) -> None:
    assert (files.scratch_dir(tmp_path) / ".gitignore").read_text() == "*\n"


def test_a_claim_is_held_by_one_and_freed_by_death(tmp_path: Path) -> None:
    """The second render leaves at once; a killed one leaves nothing stale."""
    path = tmp_path / "claim"
    script = f"""
from pathlib import Path
from types import ModuleType
from storyboard.system.claims import exclusive_lock
with exclusive_lock(Path({str(path)!r}), "x"):
    print("held", flush=True)
    input()
"""
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    assert claims.is_locked(path)
    with pytest.raises(Busy) as caught, claims.exclusive_lock(path, "another render of film.yaml is in progress"):
        pass
    assert str(other.pid) in caught.value.hint
    other.kill()
    other.communicate()
    assert not claims.is_locked(path)
    with claims.exclusive_lock(path, "x"):
        assert claims.is_locked(path)
    assert not claims.is_locked(tmp_path / "never")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "STORYBOARD_HOME"),
        (errno.EMFILE, "ulimit"),
        (errno.EIO, "check the disk"),
    ],
)
def test_whatever_the_disk_refuses_says_what_to_do(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(LocalFault) as caught, files.disk_errors(tmp_path / "x"):
        raise OSError(number, os.strerror(number))
    assert said in caught.value.hint
    assert str(tmp_path / "x") in caught.value.message


def test_the_trash_gives_back(tmp_path: Path) -> None:
    """What was thrown away is not held, comes back whole, and is gone only when it is destroyed."""
    store = Store(tmp_path / "takes")
    store.put(arrived(store), DIGEST)
    assert store.sizes() == {DIGEST: len(CLIP)}
    store.throw_away(DIGEST)
    (store.root / "trash" / "notes.txt").touch()
    assert (store.holds(DIGEST, len(CLIP)), store.trash()) == (False, {DIGEST: len(CLIP)})
    assert store.recover(DIGEST)
    assert not store.recover(DIGEST)
    assert (store.is_intact(DIGEST), store.trash()) == (True, {})
    store.throw_away(DIGEST)
    store.destroy(DIGEST)
    assert not store.recover(DIGEST)


def test_only_takes_are_counted_as_takes(tmp_path: Path) -> None:
    """Somebody's notes in the store's folder are neither verified nor moved, nor is a name in the wrong place."""
    store = Store(tmp_path / "takes")
    store.put(arrived(store), DIGEST)
    elsewhere = store.root / "ab" / f"{DIGEST}.mp4"
    elsewhere.parent.mkdir(exist_ok=True)
    elsewhere.touch()
    (elsewhere.parent / "abc.mp4").touch()
    assert list(store) == [DIGEST]


def test_what_a_killed_process_left_beside_a_file_is_swept(tmp_path: Path) -> None:
    """Ours alone: nothing of a living process, no link, no folder, no other name."""
    film = tmp_path / "film.mp4"
    left, living = tmp_path / ".film.mp4.0123456789ab", tmp_path / ".film.mp4.ffffffffffff"
    others = [
        tmp_path / name
        for name in ("film.mp4", ".film.mp4.backup", ".film.mp4.0123456789abc", ".xfilm.mp4.0123456789ab")
    ]
    for path in (left, living, *others):
        path.touch()
    link, folder = tmp_path / ".film.mp4.aaaaaaaaaaaa", tmp_path / ".film.mp4.bbbbbbbbbbbb"
    link.symlink_to(film)
    folder.mkdir()
    with claims.exclusive_lock(living, "x"):
        files.sweep(film)
    assert not left.exists()
    assert all(path.exists() for path in (living, link, folder, *others))
    files.sweep(tmp_path / "nowhere" / "film.mp4")


@pytest.mark.parametrize(("door", "name"), [(os, "fsync"), (os, "fstat"), (os, "replace"), (fcntl, "flock")])
def test_a_file_that_is_being_written_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: ModuleType, name: str
) -> None:
    """Of two renders in one project the one sweeps while the other writes: it would fail, and blame the disk."""
    act, swept = getattr(door, name), []

    def acting(*given: object, **named: object) -> object:
        if not swept:
            swept.append(given)
            files.sweep_all(tmp_path)
        return act(*given, **named)

    monkeypatch.setattr(door, name, acting)
    assert files.replace(tmp_path / "a.yaml", b"whole")
    assert swept
    swept.clear()
    with files.atomic_output(tmp_path / "a.mp4") as staging:
        staging.write_bytes(b"film")
    assert swept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a.yaml"]


def test_a_temporary_folder_outlives_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a killed process goes with the next one; a living one's, a young one's and a link stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, young, link = tmp_path / "drafts-[dead]", tmp_path / "drafts-young", tmp_path / "drafts-link"
    victim = tmp_path / "victim"
    for folder in (dead, young, victim):
        folder.mkdir()
        (folder / "clip.mp4").touch()
    link.symlink_to(victim)
    os.utime(dead, (0, 0))
    os.utime(victim, (0, 0))
    with files.temporary_dir("drafts-") as living:
        os.utime(living, (0, 0))
        with files.temporary_dir("drafts-") as other:
            assert living.exists()
            assert other.parent == tmp_path
        assert not other.exists()
    assert not living.exists()
    assert not dead.exists()
    assert (victim / "clip.mp4").exists()
    assert young.exists()


def test_the_claims_of_the_dead_are_swept(tmp_path: Path) -> None:
    """A living run's stays however old it is, and so does one that may be about to be held."""
    dead, living, young, other = (tmp_path / "runs" / name for name in ("dead", "living", "young", "other"))
    other.mkdir(parents=True)
    link, victim = tmp_path / "runs" / "link", tmp_path / "victim"
    for path in (dead, young, victim):
        path.touch()
    link.symlink_to(victim)
    with claims.exclusive_lock(living, "x"):
        for path in (dead, living, other, victim):
            os.utime(path, (0, 0))
        claims.sweep_claims(tmp_path / "runs")
        assert claims.is_locked(living)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["link", "living", "other", "young"]
    assert victim.exists()
    claims.sweep_claims(tmp_path / "nowhere")


def test_whoever_shares_keeps_out_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.claim"
    with (
        claims.shared_lock(path),
        claims.shared_lock(path),
        pytest.raises(Busy) as caught,
        claims.exclusive_lock(path, "in use"),
    ):
        pass
    assert caught.value.message == "in use"
    with claims.exclusive_lock(path, "x"):
        assert claims.is_locked(path)


def test_what_lies_aside_is_counted(tmp_path: Path) -> None:
    """Damaged files and halves of downloads take room: doctor tells of them."""
    store = Store(tmp_path / "takes")
    assert (store.damaged_files(), store.partial_downloads()) == ({}, [])
    store.set_aside(store.put(arrived(store), DIGEST))
    half = arrived(store)
    assert (store.damaged_files(), store.partial_downloads()) == ({f"{DIGEST}.mp4": len(CLIP)}, [half.name])


def test_what_was_half_written_anywhere_below_goes(tmp_path: Path) -> None:
    """A render that is killed again and again must not fill the project; a link must not have others' files removed."""
    outside = tmp_path / "outside"
    for folder in (outside, tmp_path / "scratch", tmp_path / "scratch" / "segments" / "film"):
        folder.mkdir(parents=True)
        (folder / ".a.mp4.0123456789ab").write_bytes(b"half")
        (folder / "a.mp4").write_bytes(b"whole")
    (tmp_path / "scratch" / "elsewhere").symlink_to(outside)
    held = tmp_path / "scratch" / ".b.mp4.0123456789ab"
    with claims.exclusive_lock(held, "at work"):
        files.sweep_all(tmp_path / "scratch")
        left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == [
        "outside/.a.mp4.0123456789ab",
        "outside/a.mp4",
        "scratch/.b.mp4.0123456789ab",
        "scratch/a.mp4",
        "scratch/segments/film/a.mp4",
    ]


def test_a_take_of_another_store_has_a_name_here_too(tmp_path: Path) -> None:
    """The same file, at once under its name; what is damaged there goes, and what is whole stays."""
    own, film = Store(tmp_path / "own"), Store(tmp_path / "film")
    digest = own.put_bytes(b"a clip")
    film.put_name(own.path(digest), digest)
    assert film.path(digest).samefile(own.path(digest))
    film.path(digest).unlink()
    film.path(digest).write_bytes(b"half a")
    film.put_name(own.path(digest), digest)
    film.put_name(own.path(digest), digest)
    assert film.is_intact(digest)
    assert not [*film.root.glob("arriving/*")]
