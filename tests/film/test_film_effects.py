"""An author's own effects: code that is installed, named in a scene, run once, and blamed when it fails."""

import importlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from moving import BLUE, GREEN, RED, close, look
from studio import Studio
from test_film_odd_clips import COLOURS, PATCH, kinds, patch

from storyboard.model.errors import LocalFault, Problems

EXAMPLE = Path(__file__).parents[2] / "examples" / "effects"
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package of one module as pip would: the module, and what says which effects it offers."""
    target = tmp_path / "site"
    target.mkdir()
    monkeypatch.syspath_prepend(str(target))

    def installed(code: str, *names: str, version: str = "1") -> Path:
        module = target / "own_effects.py"
        module.write_text(code)
        info = target / "own_effects-1.dist-info"
        shutil.rmtree(info, ignore_errors=True)
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: own-effects\nVersion: {version}\n")
        lines = "".join(f"{name} = own_effects:{name.replace('-', '_')}\n" for name in names)
        (info / "entry_points.txt").write_text(f"[storyboard.effects]\n{lines}")
        sys.modules.pop("own_effects", None)
        importlib.invalidate_caches()
        return module

    return installed


def film(studio: Studio, *scenes: str) -> Path:
    lines = "".join(f"  - {scene}\n" for scene in scenes)
    return studio.write(f"storyboard: 1\nscenes:\n{lines}")


@pytest.mark.ci
def test_effects_titles_and_transitions_work_on_every_kind_of_clip(install: Install, studio: Studio, clips):
    """What the cut takes, an effect and a title take: a phone's MOV, fragments, MKV, WebM, several tracks."""
    install("def same(clip, seed):\n    return clip\n", "same")
    for number, path in enumerate(kinds(clips)):
        shutil.copy(path, studio.folder / f"c{number}{path.suffix}")
        name = f"file: c{number}{path.suffix}"
        film(
            studio,
            f"{{id: a, {name}, effect: same}}",
            f"{{id: b, {name}, title: {{text: Hello}}, transition: {{kind: dissolve}}}}",
        )
        done = studio.render()
        seen = look(Path(done.film))
        assert (done.exit, len(seen.frames)) == (0, 36)
        assert close(seen.colour(6), GREEN)
        assert seen.clicks() == pytest.approx([0], abs=0.022)  # fragments keep no note of priming
        assert not any(type(event).__name__ == "Warned" and "damaged" in event.why for event in studio.seen)


@pytest.mark.ci
def test_an_effect_keeps_the_colours_of_every_kind_of_clip(install: Install, studio: Studio, tmp_path: Path, clips):
    """The scene with the effect would not match its neighbours, whose colours are brought to BT.709 another way."""
    install("def same(clip, seed):\n    return clip\n", "same")
    shutil.copy(clips(RED), studio.folder / "plain.mp4")
    found = {}
    for number, name in enumerate(COLOURS):
        odd = f"c{number}.mp4"
        patch(studio.folder / odd, name)
        beside = look(Path(film_of(studio, f"{{id: a, file: {odd}, effect: same}}", "{id: b, file: plain.mp4}")))
        alone = look(Path(film_of(studio, f"{{id: a, file: {odd}, effect: same}}", f"{{id: b, file: {odd}}}")))
        found |= {(name, "beside"): beside.colour(12), (name, "alone"): alone.colour(12), name: alone.colour(36)}
    assert {kind: colour for kind, colour in found.items() if not close(colour, PATCH, 6)} == {}


def film_of(studio: Studio, *scenes: str) -> str:
    film(studio, *scenes)
    return studio.render().film


def sounds(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


@pytest.mark.ci
def test_the_example_is_a_package_whose_effects_render(studio: Studio, tmp_path, monkeypatch, clips):
    """What the page shows is built, installed and used; the sound is copied from the clip, frame by frame."""
    source = tmp_path / "source"
    shutil.copytree(EXAMPLE, source)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    with zipfile.ZipFile(next((tmp_path / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    shutil.copy(clips(RED, seconds=64 / 24), studio.folder / "red.mp4")
    film(
        studio,
        "{id: a, file: red.mp4, effect: silver}",
        "{id: b, file: red.mp4}",
        "{id: c, file: red.mp4, effect: grain}",
    )
    done = studio.render()
    seen = look(Path(done.film))
    assert (done.exit, len(seen.frames)) == (0, 192)
    assert max(seen.colour(10)) - min(seen.colour(10)) <= 4
    assert close(seen.colour(74), RED, 6)
    noise = seen.frames[138][20:160, 20:300].astype(float).std(axis=(0, 1))
    assert noise.min() > 3
    own, whole = sounds(studio.folder / "red.mp4"), sounds(Path(done.film))
    assert len(set(own) & set(whole)) >= len(set(own)) - 2
    assert seen.clicks() == pytest.approx([at / 24 for at in seen.flashes()], abs=0.002)
    assert len(seen.flashes()) == 9


COUNTING = """
from pathlib import Path
def mark(clip, seed):
    with Path({log!r}).open("a") as log:
        print(clip.size, clip.fps, round(clip.duration, 6), clip.audio, seed, file=log)
    return clip.image_transform(lambda picture: picture * 0 + {shade})
"""


@pytest.mark.ci
def test_an_effect_runs_once_and_again_when_its_code_changes(studio: Studio, install, clips, tmp_path):
    """It is given the part that is seen, in the film's shape; what it made is kept by what it was made of."""
    log = tmp_path / "log"
    install(COUNTING.format(log=str(log), shade=0), "mark")
    shutil.copy(clips(RED, seconds=3), studio.folder / "red.mp4")
    film(studio, "{id: a, file: red.mp4, trim: {from: 0.5, to: 2}, effect: mark}", "{id: b, file: red.mp4}")
    first = studio.render()
    assert close(look(Path(first.film)).colour(10), (0, 0, 0), 4)
    (given,) = log.read_text().splitlines()
    assert given.startswith("(320, 180) 24 1.5 None ")
    assert studio.render().sha256 == first.sha256
    Path(first.film).unlink()
    assert studio.render().sha256 == first.sha256
    assert len(log.read_text().splitlines()) == 1
    install(COUNTING.format(log=str(log), shade=255), "mark")
    again = studio.render()
    assert close(look(Path(again.film)).colour(10), (255, 255, 255), 4)
    assert [line.split()[-1] for line in log.read_text().splitlines()] == [given.split()[-1]] * 2
    install(COUNTING.format(log=str(log), shade=255), "mark", version="2")
    studio.render()
    assert len(log.read_text().splitlines()) == 3


@pytest.mark.ci
def test_the_sound_stays_where_the_picture_was(studio: Studio, install, clips):
    """A clip that is cut into, one whose sound has to be encoded, and one without any."""
    install("def same(clip, seed):\n    return clip\n", "same")
    shutil.copy(clips(RED, seconds=3), studio.folder / "red.mp4")
    shutil.copy(clips(BLUE, seconds=2, suffix="mkv", sound_codec=("-c:a", "flac")), studio.folder / "blue.mkv")
    shutil.copy(clips(RED, seconds=1, sound=""), studio.folder / "mute.mp4")
    film(
        studio,
        "{id: a, file: red.mp4, trim: {from: 0.75, to: 2.5}, effect: same}",
        "{id: b, file: blue.mkv, effect: same}",
        "{id: c, file: mute.mp4, effect: same}",
        "{id: d, file: red.mp4}",
    )
    seen = look(Path(studio.render().film))
    assert len(seen.frames) == 42 + 48 + 24 + 72
    flashes = [frame / 24 for frame in seen.flashes() if not 90 <= frame < 114]
    assert flashes == pytest.approx([0.25, 1.25, 1.75, 2.75, 4.75, 5.75, 6.75])
    assert seen.clicks() == pytest.approx(flashes, abs=0.012)


@pytest.mark.ci
def test_an_effect_may_ask_for_frames_in_any_order_and_give_another_size(studio: Studio, install, clips):
    """moviepy's own effects do both; the film keeps its size, the clip its duration."""
    install(
        "from moviepy import vfx\n"
        "def backwards(clip, seed):\n    return clip.with_effects([vfx.TimeMirror()])\n"
        "def small(clip, seed):\n    return clip.with_effects([vfx.Resize(0.5)])\n",
        "backwards",
        "small",
    )
    shutil.copy(clips(RED, seconds=1), studio.folder / "red.mp4")
    film(
        studio,
        "{id: a, file: red.mp4, effect: backwards}",
        "{id: b, file: red.mp4, effect: small}",
        '{id: c, still: "#0000ff", seconds: 1, effect: small}',
    )
    seen = look(Path(studio.render().film))
    assert [picture.shape for picture in seen.frames] == [(180, 320, 3)] * 72
    assert seen.flashes() == [23, 24]
    assert close(seen.colour(60), (0, 0, 255), 6)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no such lens')", "ValueError: no such lens"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("return None", "it returned NoneType, and no moviepy clip"),
        ("return clip.with_duration(9)", "its clip has 9.000 s; it was given one of 1.000 s"),
        ("return clip.image_transform(lambda picture: 1 / 0)", "ZeroDivisionError: division by zero"),
        ("return clip.image_transform(lambda picture: picture[0])", "its frame is an array of shape (320, 3)"),
    ],
)
def test_an_effect_that_fails_is_blamed_by_name(studio: Studio, install, clips, body, said):
    """The author of a storyboard has to know which scene and whose code; the author of the code needs a traceback."""
    install(f"def bad(clip, seed):\n    {body}\n", "bad")
    shutil.copy(clips(RED, seconds=1), studio.folder / "red.mp4")
    film(studio, "{id: a, file: red.mp4, effect: bad}")
    with pytest.raises(LocalFault) as failed:
        studio.render()
    assert failed.value.message.startswith(f"scene 'a': the effect 'bad' failed: {said}")
    if "Error" in said or "Exit" in said:
        log = Path(failed.value.hint.removeprefix("its traceback is in "))
        assert "own_effects.py" in log.read_text()
    assert not (studio.folder / "out" / "film.mp4").exists()
    left = [path.name for path in (studio.folder / ".storyboard" / "segments" / "film").iterdir()]
    assert [name for name in left if name.startswith((".", "drawn"))] == []


def test_a_module_that_is_broken_is_blamed_too(studio: Studio, install, clips):
    install("import nothing_of_that_name\n", "bad")
    shutil.copy(clips(RED, seconds=1), studio.folder / "red.mp4")
    film(studio, "{id: a, file: red.mp4, effect: bad}")
    with pytest.raises(LocalFault, match="the effect 'bad' failed: ModuleNotFoundError"):
        studio.render()


def test_an_effect_that_is_not_installed_is_an_error_at_its_line(studio: Studio, install, clips):
    """Before anything is paid for; and a storyboard can name an effect, never bring one."""
    install("def mark(clip, seed):\n    return clip\n", "mark")
    film(studio, "{id: a, prompt: One., effect: mrak}", "{id: b, prompt: Two., effect: glow}")
    (studio.folder / "glow.py").write_text("raise SystemExit")
    with pytest.raises(Problems) as refused:
        studio.render()
    one, two = refused.value.problems
    assert (one.message, one.hint) == ("no effect is called 'mrak'", "did you mean 'mark'?")
    assert (two.place.line, two.message) == (4, "no effect is called 'glow'")
    assert two.hint == "installed: mark; install the package that offers it: pip install PACKAGE"
