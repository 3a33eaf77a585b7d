"""The door to the author's files: what is inside the project, and nothing else."""

import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from storyboard.media.images import ImageFacts, look
from storyboard.model.errors import BadMedia, InputError
from storyboard.workflow.source_files import Project, locate


def png(width: int = 4, height: int = 3, kind: str = "PNG", **more: object) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), (9, 9, 9)).save(out, kind, **more)
    return out.getvalue()


def late_note(content: bytes, exif: Image.Exif) -> bytes:
    """A PNG with its orientation behind the pixels, where some writers put it."""
    body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = (len(body) - 4).to_bytes(4) + body + crc32(body).to_bytes(4)
    return content[:-12] + chunk + content[-12:]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    return Project(folder)


def refusal(project: Project, path: str) -> str:
    with pytest.raises(InputError) as caught:
        project.image(PurePosixPath(path))
    return caught.value.message


def test_an_image_is_known_by_its_bytes(project: Project) -> None:
    """Moving a file costs nothing, because its digest is what a shot is made of."""
    facts = project.image(PurePosixPath("a.png"))
    assert (facts.width, facts.height, facts.kind, facts.bytes) == (4, 3, "png", len(png()))
    (project.folder / "b").mkdir()
    (project.folder / "a.png").rename(project.folder / "b/other.jpg")
    assert project.image(PurePosixPath("b/other.jpg")) == facts
    assert project.bytes_of(PurePosixPath("b/other.jpg")) == png()


def test_no_link_leads_out(project: Project) -> None:
    """A storyboard from elsewhere must not upload ~/.ssh."""
    outside = project.folder.parent
    (project.folder / "link.png").symlink_to(outside / "secret.png")
    (project.folder / "up").symlink_to(outside)
    (project.folder / "loop").symlink_to("loop")
    (project.folder / "good.png").symlink_to("a.png")
    assert refusal(project, "link.png") == "'link.png' is outside the project folder"
    assert refusal(project, "up/secret.png") == "'up/secret.png' is outside the project folder"
    assert refusal(project, "../secret.png") == "'../secret.png' is outside the project folder"
    assert refusal(project, "/etc/passwd") == "'/etc/passwd' is outside the project folder"
    assert refusal(project, "loop") in ("'loop' cannot be a file", "there is no file 'loop'")
    assert refusal(project, "x\0y") == "'x\\u0000y' cannot be a file"
    assert project.image(PurePosixPath("good.png")).kind == "png"


def test_only_regular_files_are_read(project: Project) -> None:
    """A pipe would hang the run, a device never end it."""
    os.mkfifo(project.folder / "pipe.png")
    assert refusal(project, "pipe.png") == "'pipe.png' is no regular file"
    assert refusal(project, ".") == "'.' is a folder"
    assert refusal(project, "gone.png") == "there is no file 'gone.png'"
    assert refusal(project, "no/gone.png") == "there is no file 'no/gone.png'"


def test_what_changes_under_our_hands_is_not_followed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the opening a file may become a link or a pipe."""
    victim = project.folder / "v.png"
    monkeypatch.setattr(project, "file", lambda path: victim)
    victim.symlink_to(project.folder.parent / "secret.png")
    assert refusal(project, "v.png").startswith("'v.png' cannot be read: ")
    victim.unlink()
    os.mkfifo(victim)
    assert refusal(project, "v.png") == "'v.png' is no regular file"


def test_sizes_are_capped(project: Project) -> None:
    """Nothing large is taken into memory."""
    with (project.folder / "large.png").open("wb") as file:
        file.truncate(20_000_001)
    assert refusal(project, "large.png") == "'large.png' is larger than 20 MB"
    (project.folder / "large.yaml").write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(InputError, match="larger than 1 MiB"):
        project.text(PurePosixPath("large.yaml"))
    (project.folder / "small.yaml").write_bytes(b"a: b")
    assert project.text(PurePosixPath("small.yaml")) == b"a: b"


def test_a_clip_is_measured_by_its_content(project: Project) -> None:
    """A picture called clip.mp4 is no clip."""
    (project.folder / "clip.mp4").write_bytes(png())
    with pytest.raises(BadMedia):
        project.clip(PurePosixPath("clip.mp4"))


def test_an_image_is_what_its_bytes_say() -> None:
    """PNG, JPEG and WebP, whatever they are called; a camera's turn counts, as it does in the picture."""
    assert look(png()) == ImageFacts(4, 3, "png")
    assert look(png(kind="JPEG")) == ImageFacts(4, 3, "jpeg")
    assert look(png(kind="WEBP")) == ImageFacts(4, 3, "webp")
    turned = Image.Exif()
    turned[0x0112] = 6
    assert look(png(kind="JPEG", exif=turned)) == ImageFacts(3, 4, "jpeg")
    assert look(png(exif=turned)) == ImageFacts(3, 4, "png")
    assert look(png(kind="WEBP", exif=turned)) == ImageFacts(3, 4, "webp")
    assert look(late_note(png(), turned)) == ImageFacts(3, 4, "png")
    assert look(png(exif=b"MM\x00\x2a\x00\x00\xff\xff\x00")) == ImageFacts(4, 3, "png")


def test_a_phones_picture_of_several_is_a_jpeg() -> None:
    """MPO: a JPEG with a depth map or a second eye behind it. It ended each run, with paid scenes unfetched."""
    turned = Image.Exif()
    turned[0x0112] = 6
    second = Image.new("RGB", (4, 3))
    assert look(png(kind="MPO", save_all=True, append_images=[second])) == ImageFacts(4, 3, "jpeg")
    assert look(png(kind="MPO", save_all=True, append_images=[second], exif=turned)) == ImageFacts(3, 4, "jpeg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a PNG, JPEG or WebP image"),
        (b"<svg/>", "is not a PNG, JPEG or WebP image"),
        (png(kind="GIF"), "is not a PNG, JPEG or WebP image"),
        (png(kind="BMP"), "is not a PNG, JPEG or WebP image"),
        (png(kind="TIFF"), "is not a PNG, JPEG or WebP image"),
        (png()[:45] + b"\0\0" + png()[47:], "is a damaged image"),
        (png()[:-20], "is a damaged image"),
        (b"x" * 20_000_001, "is larger than 20 MB"),
        (png(10_000, 5_001, "PNG"), "has more than 50 million pixels"),
    ],
    ids=["empty", "svg", "gif", "bmp", "tiff", "flipped", "cut", "large", "bomb"],
)
def test_other_content_is_refused(content: bytes, message: str) -> None:
    """What the provider would refuse is refused here, before anything is paid for."""
    with pytest.raises(InputError) as caught:
        look(content)
    assert caught.value.message == message


def test_a_bomb_is_not_opened() -> None:
    """A header that claims a gigapixel costs nothing."""
    small = png()
    claimed = small[:16] + (40_000).to_bytes(4, "big") * 2 + small[24:]
    import zlib

    claimed = claimed[:29] + zlib.crc32(claimed[12:29]).to_bytes(4, "big") + claimed[33:]
    with pytest.raises(InputError, match="50 million pixels"):
        look(claimed)


_SEEDS = [png(8, 8), png(8, 8, "JPEG"), png(8, 8, "WEBP")]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(_SEEDS), st.lists(st.tuples(st.integers(0, 700), st.binary(max_size=6)), max_size=6))
def test_damaged_images_are_seen_or_refused(content: bytes, blows: list[tuple[int, bytes]]) -> None:
    """Nothing but a picture or a refusal comes of any bytes."""
    for at, blow in blows:
        content = content[:at] + blow + content[at + len(blow) :]
    with suppress(InputError):
        assert look(content).width > 0


def test_the_only_storyboard_here_is_meant(tmp_path: Path) -> None:
    """FILE may be left out where there is no doubt."""
    with pytest.raises(InputError) as none:
        locate(None, tmp_path)
    assert none.value.hint == "make one: storyboard init"
    (tmp_path / "film.yaml").write_text("")
    (tmp_path / "film.lock.yaml").write_text("")
    with pytest.raises(InputError) as none:
        locate(None, tmp_path)
    assert none.value.hint == "name its file: film.yaml"
    (tmp_path / "keeper.storyboard.yaml").write_text("")
    assert locate(None, tmp_path) == tmp_path / "keeper.storyboard.yaml"
    (tmp_path / "storyboard.yaml").write_text("")
    with pytest.raises(InputError) as many:
        locate(None, tmp_path)
    assert many.value.hint == "name one: keeper.storyboard.yaml, storyboard.yaml"


def test_a_named_storyboard_is_there_or_not(tmp_path: Path) -> None:
    """A typo in a file's name is answered with the file beside it."""
    (tmp_path / "keeper.yaml").write_text("")
    assert locate("keeper.yaml", tmp_path) == tmp_path / "keeper.yaml"
    assert locate(str(tmp_path / "keeper.yaml"), Path("/")) == tmp_path / "keeper.yaml"
    with pytest.raises(InputError) as caught:
        locate("keper.yaml", tmp_path)
    assert (caught.value.message, caught.value.hint) == ("there is no file 'keper.yaml'", "did you mean 'keeper.yaml'?")
    with pytest.raises(InputError, match="is a folder"):
        locate(".", tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        locate("no/such/film.yaml", tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        locate("a\0b", tmp_path)
