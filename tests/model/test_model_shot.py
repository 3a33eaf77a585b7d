"""A key decides what is paid for again."""

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from storyboard.model.problem import Place
from storyboard.model.shot import Shot, shot, shot_of_take
from storyboard.model.storyboard import Generated, LocalImage, WebImage

PLACE = Place("film.yaml", 1, 1)
PLAIN = Generated(
    prompt="A gull over the sea",
    model="veo3_fast",
    aspect="16:9",
    first_frame=None,
    last_frame=None,
    references=(),
    seed=None,
    translate=True,
    watermark=None,
    resolution="720p",
)


def image(path: str, digest: str) -> LocalImage:
    return LocalImage(PurePosixPath(path), digest, 10, 1280, 720, "png", PLACE)


def asked(**changes: Any) -> Shot:
    return shot(replace(PLAIN, **changes), "apikley")


def take_of(first: Shot, take: int) -> Shot:
    return shot_of_take(first, take, (10000, 99999))


def test_three_keys_are_pinned() -> None:
    """If one of these changes, every film that was ever bought is bought again."""
    plain = asked()
    framed = asked(
        model="veo3",
        first_frame=image("a.png", "a" * 64),
        last_frame=WebImage("https://example.org/b.png", PLACE),
        seed=41203,
    )
    cast = take_of(asked(references=(image("a.png", "a" * 64),), translate=False, watermark="Ü"), 2)
    assert [plain.key, framed.key, cast.key] == [
        "1c226dd6279721bca6ba5cc6f1e1b99f412ac49b11b273c10f0381b63bd56a78",
        "9e365a5d65d12216de2a151a4297bf82ee3d19f5d1a33c1adb3e56b27986d8a8",
        "2b740492681a723ab19930aa6adbc6f6b15dfa0b424452fc57089574dcd6a3a1",
    ]


def test_a_default_said_aloud_costs_nothing() -> None:
    """The recipe of a plain shot is its prompt and nothing else."""
    assert dict(asked().recipe) == {"prompt": "A gull over the sea"}


def test_a_moved_image_costs_nothing() -> None:
    """An image is its bytes, not its path."""
    here, there = image("a.png", "a" * 64), image("frames/b.png", "a" * 64)
    assert asked(first_frame=here).key == asked(first_frame=there).key
    assert asked(first_frame=here).key != asked(first_frame=image("a.png", "b" * 64)).key


def test_resolution_is_not_in_the_key() -> None:
    """The HD version hangs on the take: wanting it must not buy the take again."""
    assert asked(resolution="1080p").key == asked().key


def test_whatever_the_provider_is_asked_is_in_the_key() -> None:
    """Two requests that differ must never share a take."""
    frame, other = image("a.png", "a" * 64), image("b.png", "b" * 64)
    shots = [
        asked(),
        asked(prompt="A gull over the land"),
        asked(model="veo3"),
        asked(aspect="9:16"),
        asked(first_frame=frame),
        asked(first_frame=frame, last_frame=other),
        asked(first_frame=other, last_frame=frame),
        asked(references=(frame,)),
        asked(references=(frame, other)),
        asked(references=(other, frame)),
        asked(seed=10000),
        asked(translate=False),
        asked(watermark="me"),
        take_of(asked(), 2),
        replace(asked(), provider="other"),
        replace(asked(), label="1/2 a"),
    ]
    assert len({one.key for one in shots}) == len(shots)


def test_each_take_has_a_key_of_its_own_and_the_first_is_the_scenes() -> None:
    """Where takes begin, nothing that was bought before is bought again; no two takes ask for the same."""
    plain, seeded = asked(), asked(seed=99998)
    assert take_of(plain, 1) == plain
    assert dict(take_of(plain, 3).recipe) == {"prompt": "A gull over the sea", "take": 3}
    assert [take_of(seeded, take).seed for take in (1, 2, 3, 4)] == [99998, 99999, 10000, 10001]
    assert len({take_of(each, take).key for each in (plain, seeded) for take in range(1, 100)}) == 198


def test_images_are_handed_over_in_the_providers_order() -> None:
    """First frame before last frame; references alone in reference mode."""
    first, last = image("a.png", "a" * 64), image("b.png", "b" * 64)
    assert asked(first_frame=first, last_frame=last).images == (first, last)
    assert asked(references=(last, first)).images == (last, first)
    assert [asked().mode, asked(first_frame=first).mode, asked(references=(last,)).mode] == [
        "text",
        "frames",
        "references",
    ]
