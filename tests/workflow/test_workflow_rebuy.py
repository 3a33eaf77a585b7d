"""What was bought once is fetched, or asked about: `--yes` alone never buys it again."""

from contextlib import closing
from pathlib import Path

import pytest
from studio import Run, Studio

from storyboard.model import events
from storyboard.state.ledger import Ledger
from storyboard.state.lockfile import read_lock
from storyboard.state.store import Store

HD = "storyboard: 1\nscenes:\n  - {id: s1, prompt: A gull, resolution: 1080p}\n"


def move(studio: Studio, to: Path) -> None:
    """Go on at another machine: the same project and account, another home."""
    studio.environ["STORYBOARD_HOME"] = str(to)


def takes(studio: Studio) -> set[str]:
    return {*Store(studio.settings.realm_folder() / "takes")}


@pytest.mark.parametrize("text", [None, pytest.param(HD, marks=pytest.mark.ci)], ids=["720p", "1080p"])
def test_a_second_machine_fetches_what_the_lock_pins(studio: Studio, tmp_path: Path, text: str | None) -> None:
    """With the lock and the account's key, nothing is paid; afterwards the job is known here as well."""
    service = studio.serve()
    studio.write(text) if text else studio.scenes("A gull", "A tern")
    studio.render(cut=False)
    lock, first, charged = (studio.folder / "film.lock.yaml").read_bytes(), takes(studio), service.charged
    move(studio, tmp_path / "second")
    done = studio.render(cut=False)
    assert (done.exit, takes(studio), service.charged) == (0, first, charged)
    assert (studio.folder / "film.lock.yaml").read_bytes() == lock
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    assert {(entry.state, entry.cost.credits) for entry in ledger.submissions.all()} == {("taken", 0)}
    assert all(entry.job for entry in ledger.submissions.all())


@pytest.mark.ci
def test_what_cannot_be_fetched_needs_a_decision(studio: Studio, tmp_path: Path, run: Run) -> None:
    """Another account, or a job that the service has deleted: its neighbours are made, and the exit status is 4."""
    studio.serve()
    studio.scenes("A gull", "A tern")
    studio.render(cut=False)
    move(studio, tmp_path / "second")
    service = studio.serve()
    studio.scenes("A gull", "A tern", "A heron")
    status, _, said = run("render", "film.yaml", "--yes", "--no-cut")
    assert (status, service.posts) == (4, 1)
    assert "decide   s1: its take was bought, is not here, and could not be downloaded" in said
    assert "run again to try once more, unpaid; --rebuy s1 generates it again for 60 credits" in said
    status, _, said = run("render", "film.yaml", "--yes", "--no-cut", "--rebuy", "s1")
    assert (status, service.posts) == (4, 2)
    assert "decide   s2: " in said
    assert run("render", "film.yaml", "--yes", "--no-cut", "--rebuy", "s2")[0] == 0


@pytest.mark.ci
def test_only_the_clip_that_the_lock_pins_counts(studio: Studio, tmp_path: Path) -> None:
    """A film that was reviewed is not rebuilt from other pictures without a word."""
    service = studio.serve()
    studio.scenes("A gull")
    studio.render(cut=False)
    (digest,) = takes(studio)
    lock = studio.folder / "film.lock.yaml"
    lock.write_text(lock.read_text().replace(digest, "0" * 64))
    move(studio, tmp_path / "second")
    done = studio.render(cut=False)
    assert (done.exit, done.unknown, service.posts, takes(studio)) == (4, 1, 1, set())
    assert "the service serves another clip than the one that the lock pins" in done.notes[0]
    assert "0" * 64 in lock.read_text()


@pytest.mark.ci
def test_a_lock_of_before_names_no_job(studio: Studio, tmp_path: Path) -> None:
    """It is valid as it is, and what it pins is not bought by --yes either."""
    service = studio.serve()
    studio.scenes("A gull")
    studio.render(cut=False)
    lock = studio.folder / "film.lock.yaml"
    lines = lock.read_text().splitlines(keepends=True)
    lock.write_text("".join(line for line in lines if "job:" not in line))
    move(studio, tmp_path / "second")
    done = studio.render(cut=False)
    assert (done.exit, service.posts) == (4, 1)
    assert done.notes[0].startswith("decide   s1: the lock pins a take that was never here: ")


@pytest.mark.ci
def test_a_take_that_was_here_and_is_lost_for_good_needs_a_decision(studio: Studio, own_home: Path, run: Run) -> None:
    """Was here and is gone: the service is asked first, and what it costs is the author's to say."""
    studio.serve()
    studio.scenes("A gull")
    studio.render(cut=False)
    for take in (own_home / "store" / "rehearsals" / "takes").glob("*/*.mp4"):
        take.unlink()
    service = studio.serve("poll:code=501 @nothing")
    assert "its rehearsal take is not here any more: downloaded again" in run("plan", "film.yaml")[1]
    status, _, said = run("render", "film.yaml", "--yes", "--no-cut")
    assert (status, service.posts) == (4, 0)
    assert "--rebuy s1 generates it again for 60 credits" in said
    assert run("render", "film.yaml", "--no-cut", "--rebuy", "s1")[0] == 2  # The price is asked about as always.
    assert run("render", "film.yaml", "--yes", "--no-cut", "--rebuy", "s1")[0] == 0
    assert service.posts == 1


@pytest.mark.parametrize("fault", ["submit:code=400 @tern", pytest.param("job:fail=422 @tern", marks=pytest.mark.ci)])
def test_a_prompt_that_was_refused_twice_is_not_sent_by_itself(studio: Studio, run: Run, fault: str) -> None:
    """Refused as a submission or as a job, it counts alike; the other scenes of the film proceed."""
    service = studio.serve(fault)
    studio.scenes("A gull", "A tern")
    assert [studio.render(cut=False).exit for _ in range(2)] == [3, 3]
    posts = service.posts
    studio.scenes("A gull", "A tern", "A heron")
    done = studio.render(cut=False)
    assert (done.exit, done.made, service.posts) == (3, 1, posts + 1)
    assert done.notes[0].startswith("failed   s2: refused for its content 2 times: ")
    assert [event.scene for event in studio.seen if isinstance(event, events.Failed)] == ["s2"]
    assert "--retry s2" in run("plan", "film.yaml")[1]
    assert run("render", "film.yaml", "--yes", "--no-cut", "--retry", "s2")[0] == 3
    assert service.posts == posts + 2
    studio.scenes("A gull", "A stork", "A heron")
    assert studio.render(cut=False).exit == 0


@pytest.mark.parametrize("flag", ["--rebuy", "--retry"])
def test_a_scene_that_is_not_there_cannot_be_agreed_to(studio: Studio, run: Run, flag: str) -> None:
    studio.serve()
    studio.scenes("A gull")
    status, _, said = run("render", "film.yaml", "--yes", flag, "s9")
    assert (status, "there is no scene 's9'" in said) == (2, True)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("lost", "what", "posts"), [("720p", "it again for 65", 2), ("1080p", "its 1080p version again for 5", 1)]
)
def test_what_is_bought_again_is_one_job(
    studio: Studio, tmp_path: Path, run: Run, lost: str, what: str, posts: int
) -> None:
    """A take beside the upgrade of another job would be another picture. Only what is lost is bought again."""
    service = studio.serve()
    studio.write(HD)
    studio.render(cut=False)
    lock = studio.folder / "film.lock.yaml"
    digest = next(take.digest for take in read_lock(lock).all_takes() if take.resolution == lost)
    lock.write_text(lock.read_text().replace(digest, "0" * 64))
    move(studio, tmp_path / "second")
    done = studio.render(cut=False)
    assert (done.exit, done.notes[1].strip()) == (
        4,
        f"run again to try once more, unpaid; --rebuy s1 generates {what} credits",
    )
    assert run("render", "film.yaml", "--yes", "--no-cut", "--rebuy", "s1")[0] == 0
    assert len({take.job for take in read_lock(lock).all_takes()}) == 1
    assert "0" * 64 not in lock.read_text()
    assert service.posts == posts


@pytest.mark.ci
def test_an_upgrade_that_another_machine_bought_is_fetched(studio: Studio, tmp_path: Path) -> None:
    """This machine has the 720p take, and its ledger knows the job: only the lock knows the upgrade."""
    service, first = studio.serve(), studio.environ["STORYBOARD_HOME"]
    studio.write(HD.replace(", resolution: 1080p", ""))
    studio.render(cut=False)
    move(studio, tmp_path / "second")
    studio.write(HD)
    studio.render(cut=False)
    charged = service.charged
    move(studio, Path(first))
    done = studio.render(cut=False)
    assert (done.exit, done.credits, service.charged, len(takes(studio))) == (0, 0, charged, 2)
    assert studio.render(cut=False).kept == 1
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        (entry,) = ledger.submissions.all()
    assert (entry.hd, entry.cost.credits) == (0, 60)


@pytest.mark.ci
def test_an_upgrade_that_no_scene_uses_now_is_not_bought_again(studio: Studio, tmp_path: Path, run: Run) -> None:
    """Back at 720p, the lock still pins it: store gc keeps it here, and another machine fetches it."""
    service = studio.serve()
    studio.write(HD)
    studio.render(cut=False)
    first, charged = takes(studio), service.charged
    studio.write(HD.replace(", resolution: 1080p", ""))
    studio.render(cut=False)
    assert run("store", "gc", "--older-than", "0", "--delete")[0] == 0
    assert takes(studio) == first
    move(studio, tmp_path / "second")
    assert (studio.render(cut=False).exit, len(takes(studio))) == (0, 1)
    studio.write(HD)
    done = studio.render(cut=False)
    assert (done.exit, done.credits, service.charged, takes(studio)) == (0, 0, charged, first)
