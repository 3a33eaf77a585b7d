"""Films over declared services: the real client against the emulator that each declaration makes of itself."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from canary import KEY
from studio import Run, Service, Studio
from talking import picture

from storyboard.emulator.api.service import FinishedJob
from storyboard.emulator.declared.declared_orders import DeclaredOrder, read_declared_order
from storyboard.emulator.declared.template_match import Mismatch, match_body
from storyboard.emulator.drafts.frame_images import Photo
from storyboard.model.shot import Shot
from storyboard.providers.base import Dispatch, SentImage
from storyboard.providers.declared.catalogue import shipped_names, shipped_provider
from storyboard.providers.declared.interpreter import Declared


def shipped(name: str) -> Declared:
    provider = shipped_provider(name)
    assert isinstance(provider, Declared)
    return provider


def shots(provider: Declared) -> list[tuple[Shot, list[SentImage]]]:
    """A shot of each model for each kind of images that it takes, with all that can be chosen."""
    found = []
    for declared in provider.declaration.models.values():
        model = declared.model
        for role in declared.roles:
            shot = Shot(
                *("A cat.", model.name, model.aspects[-1], None, None, (), model.seeds[1] if model.seeds else None),
                *(True, None, 1, provider.name),
                seconds=Fraction(model.lengths.choices[-1] if model.lengths.choices else model.lengths.most)
                if model.lengths
                else None,
                resolution=model.resolutions[-1].name if len(model.resolutions) > 1 else None,
                sound=False if model.sound == "switch" else None,
                negative="rain" if "negative" in model.options else None,
            )
            frames = {"text": 0, "first_frame": 1, "last_frame": 2}.get(role, 0)
            images = [SentImage(at, f"https://a.example/{at}.png") for at in ("first_frame", "last_frame")][:frames]
            if role == "references":
                images = [SentImage("reference", f"https://a.example/{n}.png") for n in range(model.references)]
            found.append((shot, images))
    return found


@pytest.mark.parametrize("name", shipped_names())
def test_each_request_is_read_as_what_it_asks_for(name: str) -> None:
    """The emulator reads each body by its declaration: what it would not take, the service is not asked for."""
    provider = shipped(name)
    for shot, images in shots(provider):
        request = provider.submission(shot, images, Dispatch("our-name", "https://call.example/cb"))
        body = json.loads(json.dumps(request.body))
        found = read_declared_order(provider.declaration, request.path, body)
        assert isinstance(found, DeclaredOrder), found
        order, model = found.order, provider.capabilities.model(shot.model)
        assert (order.prompt, order.model) == ("A cat.", shot.model)
        assert [*order.images] == [image.address for image in images]
        assert order.clip.seconds == model.length(shot.seconds)
        assert order.clip.sound == model.has_sound(shot.sound)
        assert (order.price or 0) > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": " "}, "a prompt is needed"),
        ({"duration": 5}, "seconds are written as text here"),
        ({"duration": "99"}, "seconds must be whole seconds from 4 to 15 s"),
        ({"resolution": "8k"}, "resolution must be one of 720p, 480p"),
        ({"seed": -1}, "seed must be from 0"),
        ({"generate_audio": "yes"}, "sound is neither on nor off"),
        ({"image_url": "https://a.example/1.png"}, "first_frame is not taken here"),
        ({"speed": 2}, "/speed is not known"),
    ],
)
def test_a_wrong_request_is_refused_in_words(change: dict[str, object], said: str) -> None:
    fal = shipped("fal")
    shot = Shot("A cat.", "bytedance/seedance-2.0", "16:9", None, None, (), 7, True, None, 1, "fal")
    request = fal.submission(shot, [], Dispatch("n"))
    found = read_declared_order(fal.declaration, request.path, {**(request.body or {}), **change})
    assert isinstance(found, str)
    assert said in found


@pytest.mark.parametrize(
    ("template", "body", "said"),
    [
        ({"a": 1}, {"a": True}, "/a must be '1'"),
        ({"a": 1, "b": "{seed}"}, {}, "/a is missing"),
        ({"a": ["{prompt}", 1]}, {"a": "x"}, "/a must be a list"),
        ({"a": [{"b": "{reference}"}, 1]}, {"a": [{"b": "x"}, {"b": "y"}, 2]}, "/a/2 fits no item"),
        ({"a": "{seed}", "b": "{seed}"}, {"a": 1, "b": 2}, "/b differs"),
        ({"a": {"b": "{seed}"}}, {"a": 1}, "/a must be an object"),
    ],
)
def test_what_does_not_fit_is_named(template: dict[str, object], body: object, said: str) -> None:
    with pytest.raises(Mismatch, match=said):
        match_body(template, body)


SOUND = {"always": True, "never": False, "switch": True}


@pytest.fixture
def served(studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch):
    """Configure a shipped service and emulate it; the address and the key are the author's environment."""

    def serve(name: str, *faults: str, **behaviour: object) -> Service:
        folder = own_home / "config" / "storyboard"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(f'provider = "{name}"\n[providers.{name}]\nunconfirmed = true\n', "utf-8")
        service = studio.serve(*faults, **{"film": "tiny", "declared": shipped(name).declaration, **behaviour})
        spelt = name.upper()
        studio.environ[f"STORYBOARD_BASE_URL_{spelt}"] = service.emulator.url
        monkeypatch.setenv(f"STORYBOARD_KEY_{spelt}", KEY)
        return service

    return serve


@pytest.mark.ci
@pytest.mark.parametrize("name", shipped_names())
def test_a_film(studio: Studio, served, name: str) -> None:
    """Submit, look, fetch, and nothing again: each shipped declaration makes a film of two scenes."""
    service = served(name)
    provider = shipped(name)
    declared = provider.declaration.models[provider.capabilities.usual]
    images = provider.declaration.images != "address" and "first_frame" in declared.roles
    (studio.folder / "one.png").write_bytes(picture(width=160))
    frame = ", first_frame: one.png" if images else ""
    studio.write(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: it rains{frame}}}\n  - {{id: b, prompt: the sea}}\n")
    done = studio.render()
    assert (done.exit, done.made) == (0, 2), studio.seen
    first = next(job for job in service.emulator.jobs if job.prompt == "it rains")
    outcome = service.emulator.outcome(first.id)
    assert isinstance(outcome, FinishedJob)
    assert [isinstance(still, Photo) for still in outcome.brief.stills] == [True] * images
    assert outcome.brief.order.clip.sound == SOUND[declared.model.sound]
    assert outcome.brief.size == tuple(declared.model.resolutions[0].size)
    assert service.charged > 0
    header = provider.environment.auth.header
    assert all(seen.key for seen in service.emulator.requests if "/emulated-clips/" not in seen.path), header
    assert not any(seen.key for seen in service.emulator.requests if "/emulated-clips/" in seen.path)
    assert studio.render().made == 0


FAULTS = (
    ("submit:http=402", 5, "the account has not enough credits"),
    ("submit:http=401", 5, "the service does not accept the key"),
    ("submit:http=429 x1", 0, ""),
    ("submit:drop-after", 4, "unconfirmed submission"),
    ("submit:no-id", 4, "named no job"),
    ("poll:lost=404", 3, "the provider does not know it"),
    ("poll:late=2", 0, ""),
    ("job:fail=400", 3, "the service says that the job has failed"),
    ("clip:short x1", 0, ""),
)
CASES = (
    [("fal", *row) for row in FAULTS]
    + [("kie", *row) for row in FAULTS[::4]]
    + [("runway", *row) for row in FAULTS[7:]]
)


@pytest.mark.ci
@pytest.mark.parametrize(("name", "fault", "exit_status", "said"), CASES)
def test_faults(studio: Studio, served, name: str, fault: str, exit_status: int, said: str) -> None:
    """What goes wrong is told in a sentence, and nothing is asked for twice."""
    service = served(name, fault)
    studio.scenes("it rains")
    done = studio.render()
    told = " ".join(map(str, studio.seen))
    assert done.exit == exit_status, told
    assert said in told
    assert len(service.emulator.jobs) <= 1


@pytest.mark.ci
def test_a_lost_answer_is_found_by_our_name(studio: Studio, served) -> None:
    """Kling takes our name of a job: after a lost answer it is found, and nothing is bought again."""
    service = served("kling", "submit:drop-after x1")
    studio.scenes("it rains")
    assert (studio.render().exit, len(service.emulator.jobs)) == (0, 1)


@pytest.mark.ci
def test_the_command_serves_a_declared_service(studio: Studio, run: Run) -> None:
    """`emulator --as fal` says its address, and the variables by which a render reaches it."""
    with subprocess.Popen(
        [sys.executable, "-m", "storyboard", "emulator", "--as", "fal", "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert f"STORYBOARD_BASE_URL_FAL={url} STORYBOARD_KEY_FAL=rehearsal" in "".join(
            process.stderr.readline() for _ in range(2)
        )
        process.terminate()
    status, _, said = run("emulator", "--as", "fall")
    assert (status, "did you mean 'fal'?" in said) == (2, True)
