"""Clips that play everywhere are shown and heard as players show them, and what was made of them is said."""

import random
import re
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy
import pytest
from moving import GREEN, RED, TAGS, Clips, close, look
from PIL import Image
from studio import Studio
from tiers import every

from storyboard.film import splice
from storyboard.film.film_plan import plan_reencoded_film
from storyboard.media import ffmpeg, frames, probe
from storyboard.media.verify import verify
from storyboard.model.errors import BadMedia, SceneFailed
from storyboard.mp4 import reader
from storyboard.mp4.samples import AudioTrack, VideoTrack
from storyboard.timeline.model import AudioLevel, Clip, TimedTransition, Timeline
from storyboard.workflow.sheet import SheetOptions, poster, sheet
from storyboard.workflow.validate import validate_storyboard

WEBM = {"suffix": "webm", "codec": ("-c:v", "libvpx-vp9", "-deadline", "realtime", *TAGS)}


def make(out: Path, *arguments: str) -> Path:
    """A clip that ffmpeg makes as it is told."""
    command = [ffmpeg.binary(), "-nostdin", "-v", "error", "-y", *arguments, str(out)]
    subprocess.run(command, check=True, capture_output=True, env={})
    return out


def film(studio: Studio, *paths: Path, more: str = "", each: str = "", **order: bool) -> Path:
    """The film of these clips, which are copied into the project."""
    lines = []
    for number, path in enumerate(paths):
        name = f"c{number}{path.suffix}"
        (studio.folder / name).write_bytes(path.read_bytes())
        lines.append(f"  - {{id: s{number}, file: {name}{each}}}\n")
    studio.write(f"storyboard: 1\nscenes:\n{''.join(lines)}{more}")
    done = studio.render(**order)
    assert done.exit == 0
    return Path(done.film)


def warned(studio: Studio) -> str:
    return "\n".join(event.why for event in studio.seen if type(event).__name__ == "Warned")


def validated(studio: Studio) -> str:
    _, problems = validate_storyboard(studio.folder / "film.yaml", studio.settings)
    assert all(problem.severity == "warning" for problem in problems)
    return "\n".join(problem.message for problem in problems)


# Chromaticities of red, green, blue and white (ITU-T H.273, table 2), the exponent of the curve, then what is encoded.
PATCH, D65 = (0x5F, 0xB0, 0x60), (0.3127, 0.329)
BT709 = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), D65)
P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
NTSC = ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.31, 0.316))
PAL = ((0.64, 0.33), (0.29, 0.6), (0.15, 0.06), D65)
SMPTE = ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07), D65)
BT2020 = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), D65)
X264, X265 = ("-c:v", "libx264"), ("-c:v", "libx265", "-x265-params", "log-level=none")
COLOURS = {
    "Display P3": ((*P3, D65), 2.4, "yuv420p", ("smpte432", "bt709", "bt709", "tv"), X264),
    "full range": (BT709, 2.4, "yuvj420p", ("bt709", "bt709", "bt709", "pc"), X264),
    "BT.601": (SMPTE, 2.4, "yuv420p", ("smpte170m", "smpte170m", "smpte170m", "tv"), X264),
    "DCI-P3": ((*P3, (0.314, 0.351)), 2.4, "yuv420p", ("smpte431", "bt709", "bt709", "tv"), X264),
    "DCI-P3 of cinemas": ((*P3, (0.314, 0.351)), 2.6, "yuv420p", ("smpte431", "smpte428", "bt709", "tv"), X264),
    "old PAL": (PAL, 2.8, "yuv420p", ("bt470bg", "bt470bg", "bt470bg", "tv"), X264),
    "old NTSC": (NTSC, 2.2, "yuv420p", ("bt470m", "bt470m", "fcc", "tv"), X264),
    "ten bits": ((*P3, D65), 2.4, "yuv420p10le", ("smpte432", "bt709", "bt709", "tv"), X265),
    "BT.2020": (BT2020, 2.4, "yuv420p10le", ("bt2020", "bt2020-10", "bt2020nc", "tv"), X265),
    "matrix of BT.601": (BT709, 2.4, "yuv420p", ("bt709", "bt709", "smpte170m", "tv"), X264),
}
BRADFORD = numpy.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_xyz(*points: tuple[float, float]) -> numpy.ndarray:
    """The matrix from light in these primaries to XYZ, seen under a white of D65 (Bradford)."""
    columns = numpy.array([[x / y, 1, (1 - x - y) / y] for x, y in (*points, D65)]).T
    primaries, white, usual = columns[:, :3], columns[:, 3], columns[:, 4]
    seen = numpy.linalg.inv(BRADFORD) @ numpy.diag((BRADFORD @ usual) / (BRADFORD @ white)) @ BRADFORD
    return seen @ (primaries * numpy.linalg.solve(primaries, white))


def patch(out: Path, name: str) -> Path:
    """A second of the flat colour PATCH, in the colours of that name and tagged as such."""
    points, power, pixels, (primaries, transfer, matrix, values), codec = COLOURS[name]
    light = numpy.linalg.solve(to_xyz(*points), to_xyz(*BT709) @ (numpy.array(PATCH) / 255) ** 2.4)
    own = bytes(int(value) for value in (255 * light ** (1 / power)).round())
    chain = f"color=c=0x{own.hex()}:s=320x180:r=24:d=1,format=gbrp,scale=out_color_matrix={matrix}:out_range={values}"
    tags = f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range={values}"
    flat = f"{chain},format={pixels},{tags}"
    return make(out, "-f", "lavfi", "-i", flat, *codec, "-preset", "ultrafast", "-crf", "8")


def hdr(out: Path) -> Path:
    """A flat grey in HDR."""
    tags = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv"
    chain = f"color=gray:s=320x180:r=24:d=1,format=yuv420p10le,lutyuv=y=450:u=500:v=530,{tags}"
    return make(out, "-f", "lavfi", "-i", chain, *X265, "-preset", "ultrafast")


@pytest.mark.parametrize("name", every(6, [*COLOURS, "HDR"]))
def test_colours_agree_everywhere(studio: Studio, clips: Clips, tmp_path: Path, name: str) -> None:
    """One colour in the film, another on the sheet and a third in a dissolve: nobody could match shots by eye."""
    odd = hdr(tmp_path / "odd.mp4") if name == "HDR" else patch(tmp_path / "odd.mp4", name)
    seen = look(film(studio, odd, clips(RED), odd, more="  - {id: s3, file: c2.mp4, transition: {kind: dissolve}}\n"))
    wanted = seen.colour(12) if name == "HDR" else PATCH
    found = {"film": seen.colour(12), "dissolve of one with itself": seen.colour(24 * 3 - 6)}
    options = SheetOptions(studio.folder / "film.yaml", None, {}, None, lambda text: None)
    with Image.open(poster(options, "s2", studio.settings)) as opened:
        found["poster"] = opened.convert("RGB").getpixel((160, 90))
    for kind, one in (("frame", frames.frame(odd, 7)), ("thumbnail", frames.thumbnail(odd, 0, 24, (160, 90)))):
        found[kind] = one.getpixel((one.width // 2, one.height // 2))
    assert [kind for kind, colour in found.items() if not close(colour, wanted, 6)] == [], found


@pytest.mark.parametrize("name", every(3, ["Display P3", "DCI-P3", "BT.601"]))
def test_a_film_of_wide_colours_alone_is_in_bt709(studio: Studio, tmp_path: Path, name: str) -> None:
    """It would be pale in every player that takes no notice of the tags, which most do not."""
    odd = patch(tmp_path / "odd.mp4", name)
    assert close(look(film(studio, odd, odd)).colour(30), PATCH, 6)
    assert name in warned(studio)


def kinds(clips: Clips) -> Iterator[Path]:
    """Clips as phones, browsers and editors write them."""
    yield clips(GREEN, suffix="mov")
    yield clips(GREEN, extra=("-movflags", "frag_keyframe+empty_moov"))
    yield clips(GREEN, suffix="mkv")
    yield clips(GREEN, sound_codec=("-c:a", "libopus"), **WEBM)


@pytest.mark.ci
def test_a_sheet_and_a_poster_of_every_kind_of_clip(studio: Studio, clips: Clips) -> None:
    """What the cut accepts could not be looked at before; and one clip without a picture took the sheet from all."""
    paths = list(kinds(clips))
    film(studio, *paths)
    assert warned(studio) == ""
    options = SheetOptions(studio.folder / "film.yaml", None, {}, None, lambda text: None)
    assert sheet(options, studio.settings)
    for number in range(len(paths)):
        with Image.open(poster(options, f"s{number}", studio.settings)) as picture:
            assert close(picture.convert("RGB").getpixel((160, 90)), (255, 255, 255), 8)  # each clip's first frame
    (studio.folder / "c2.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(400))
    assert sheet(options, studio.settings)
    with pytest.raises(SceneFailed, match="scene s2: damaged"):
        poster(options, "s2", studio.settings)


def test_what_a_file_is_is_said(clips: Clips) -> None:
    """Healthy files were called damaged; QuickTime's description of AAC is read, and copied."""
    mov, *others = (reader.read(path) for path in kinds(clips))
    assert isinstance(mov.frames, VideoTrack)
    assert isinstance(mov.sound, AudioTrack)
    said = ["it is a fragmented MP4", "it is Matroska (MKV), not MP4", "it is WebM, not MP4"]
    assert [index.frames for index in others] == said


def test_an_interlaced_clip_is_deinterlaced_and_told(studio: Studio, tmp_path: Path) -> None:
    """Combs at every edge that moves would be burnt into a progressive film."""
    moving = "color=black:s=320x180:r=50:d=1,format=yuv420p"
    bar = f"{moving}[a];color=white:s=40x180:r=50:d=1[b];[a][b]overlay=x='mod(8*n,280)',interlace"
    odd = make(tmp_path / "i.mp4", "-f", "lavfi", "-i", bar, *X264, "-flags", "+ilme+ildct", *TAGS)
    assert probe.source(odd).interlaced
    seen = look(film(studio, odd))
    combs = [abs(frame[2:-2:2, :, 0].astype(int) - frame[3:-1:2, :, 0]).max() for frame in seen.frames[5:20]]
    assert max(combs) < 60, combs
    assert "interlaced" in warned(studio)
    assert "interlaced" in validated(studio)


VP8, VP9 = ("-c:v", "libvpx", "-deadline", "realtime"), ("-c:v", "libvpx-vp9", "-deadline", "realtime")
WIDE = ("-colorspace", "bt709", "-color_primaries", "smpte432", "-color_trc", "bt709", "-color_range", "tv")
FIELDS = ("-c:v", "mpeg2video", "-b:v", "4M", "-flags", "+ilme+ildct", *TAGS)
RESIZED = {
    "plain": {"codec": VP8},
    "wide colours": {"codec": (*VP9, *WIDE)},
    "HDR": {"codec": (*VP9, *WIDE, "-color_trc", "smpte2084"), "filters": ",format=yuv420p10le"},
    "interlaced": {"codec": FIELDS, "filters": ",setfield=tff"},
}


def resized(clips: Clips, out: Path, **kind: object) -> Path:
    """A clip whose picture becomes upright after a second, as a browser records a call."""
    parts = [clips(GREEN, suffix="mkv", sound="", **kind), clips(RED, size=(180, 320), suffix="mkv", sound="", **kind)]
    with av.open(str(out), "w", format="matroska") as into:
        for number, part in enumerate(parts):
            with av.open(str(part), format="matroska") as one:
                track = into.streams[0] if number else into.add_stream_from_template(one.streams.video[0])
                for packet in one.demux(one.streams.video[0]):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + 1000 * number, packet.dts + 1000 * number
                        packet.stream = track
                        into.mux(packet)
    return out


@pytest.mark.ci
@pytest.mark.parametrize("kind", RESIZED)
@pytest.mark.parametrize("fit", ["pad", "crop", "blur"])
def test_a_clip_that_changes_its_size_is_fitted_piece_by_piece(
    studio: Studio, clips: Clips, tmp_path: Path, fit: str, kind: str
) -> None:
    """The second half would be stretched to three times its width, also by filters that expect frames of one size."""
    odd = resized(clips, tmp_path / "r.mkv", **RESIZED[kind])
    seen = look(film(studio, odd, more=f"output: {{fit: {fit}}}\n"))
    assert len(seen.frames) == 48
    for number, wanted in ((12, GREEN), (36, RED)):  # colours change with the tags, not their order
        colour = seen.at(number, 160, 90)
        assert colour.index(max(colour)) == wanted.index(max(wanted))
    assert close(seen.at(12, 10, 90), seen.at(12, 160, 90))
    assert close(seen.at(36, 10, 90), seen.at(36, 160, 90), 30) == (fit == "crop")
    assert close(seen.at(36, 130, 90), seen.at(36, 160, 90))
    assert seen.flashes() == [0, 24]
    upright = frames.frame(odd, 30)
    assert (upright.width, upright.height) == (320, 180)
    assert not close(upright.getpixel((10, 90)), upright.getpixel((160, 90)), 30)


@pytest.mark.ci
@pytest.mark.parametrize("part", ["{from: 0.5, to: 1.5}", "{from: 1.25}", "{to: 0.5}"])
def test_a_part_of_a_clip_that_changes_its_size(studio: Studio, clips: Clips, tmp_path: Path, part: str) -> None:
    """The change would come too early or late: one size would be stretched into the other."""
    odd = resized(clips, tmp_path / "r.mkv", **RESIZED["wide colours"])
    seen = look(film(studio, odd, each=f", trim: {part}"))
    barred = [not close(seen.at(number, 10, 90), seen.at(number, 160, 90), 30) for number in range(len(seen.frames))]
    whole = {"{from: 0.5, to: 1.5}": 12, "{from: 1.25}": 0, "{to: 0.5}": 12}[part]
    assert barred == [False] * whole + [True] * (len(seen.frames) - whole)


def tones(out: Path, *hertz: int, extra: tuple[str, ...] = ()) -> Path:
    """A clip with a sound track for each tone; 0 is silence. The first one is switched off."""
    arguments = ["-f", "lavfi", "-i", "color=gray:s=64x36:r=24:d=2"]
    for one in hertz:
        arguments += ["-f", "lavfi", "-i", f"aevalsrc='{0.3 if one else 0}*sin(2*PI*{one}*t)':s=48000:d=2"]
    maps = [word for number in range(len(hertz) + 1) for word in ("-map", str(number))]
    off = ("-disposition:a:0", "0", "-disposition:a:1", "default") if len(hertz) > 1 else ()
    return make(out, *arguments, *maps, *X264, *TAGS, "-c:a", "aac", *off, *extra)


def loudest(sound: numpy.ndarray) -> int:
    """The frequency that is heard most, in Hz; 0 in silence."""
    spectrum = abs(numpy.fft.rfft(sound[0][4800:-4800]))
    return round(int(spectrum.argmax()) * 48000 / len(sound[0][4800:-4800])) if spectrum.max() > 10 else 0


@pytest.mark.parametrize("effect", every(3, [", gain: -3", "", ", fade: 0.5"]))
@pytest.mark.ci
def test_of_several_sound_tracks_the_one_that_is_switched_on_is_heard(
    studio: Studio, tmp_path: Path, effect: str
) -> None:
    """A camera's first track may be silent: the film would be, and nobody told."""
    odd = tones(tmp_path / "two.mov", 0, 700)
    assert abs(loudest(look(film(studio, odd)).sound) - 700) < 5
    assert "2 sound tracks; track 2 is heard; choose another with `audio: {track: 1}`" in warned(studio)
    assert "its clip has 2 sound tracks; track 2 is heard" in validated(studio)
    path = film(studio, tones(tmp_path / "three.mov", 300, 700), each=f", audio: {{track: 1{effect}}}")
    assert abs(loudest(look(path).sound) - 300) < 5
    assert warned(studio) == ""
    film(studio, odd, each=", audio: {track: 3}")
    assert "no track 3: it is silent" in validated(studio)


def test_a_second_picture_is_left_out(studio: Studio, clips: Clips, tmp_path: Path) -> None:
    """A phone's MOV with a thumbnail track was refused, and there was no way out."""
    thumb = ("-f", "lavfi", "-i", "color=blue:s=64x36:r=1:d=1")
    odd = make(
        tmp_path / "two.mov",
        *("-i", str(clips(GREEN)), *thumb, "-map", "1:v", "-map", "0", "-c:v:1", "copy", "-c:a", "copy"),
        *("-c:v:0", "mjpeg", "-frames:v:0", "1"),
    )
    seen = look(film(studio, odd, clips(RED)))
    assert close(seen.colour(12), GREEN)
    assert "2 picture tracks" in warned(studio)
    assert isinstance(reader.read(odd).frames, VideoTrack)


def emptied(content: bytes, kind: bytes) -> bytes:
    """The file with the last track of that kind emptied: its tables have no entries any more."""
    at = content.rindex(b"hdlr\0\0\0\0\0\0\0\0" + kind)
    for table, place in ((b"stts", 8), (b"ctts", 8), (b"stss", 8), (b"stsc", 8), (b"stco", 8), (b"stsz", 12)):
        found = content.find(table, at, content.find(b"trak", at) if b"trak" in content[at:] else None)
        if found >= 0:
            content = content[: found + place] + bytes(4) + content[found + place + 4 :]
    return content


@pytest.mark.parametrize("kind", [b"vide", b"soun"])
def test_an_empty_track_is_left_out(studio: Studio, clips: Clips, tmp_path: Path, kind: bytes) -> None:
    """Editors leave such tracks behind: the clip was refused for having "several pictures at once"."""
    whole, twice = str(clips(GREEN)), ("-map", "0:v", "-map", "0:a", "-map", "0:v" if kind == b"vide" else "0:a")
    odd = make(tmp_path / "two.mp4", "-i", whole, *twice, "-c", "copy")
    odd.write_bytes(emptied(odd.read_bytes(), kind))
    found = reader.read(odd)
    assert isinstance(found.frames, VideoTrack)
    assert isinstance(found.sound, AudioTrack)
    seen = look(film(studio, odd, clips(RED)))
    assert close(seen.colour(12), GREEN)
    assert len(seen.clicks()) == 2
    assert "re-encod" not in warned(studio)
    assert "damaged" not in warned(studio)


def surround(out: Path, *levels: float, codec: tuple[str, ...] = ("-c:a", "aac", "-b:a", "512k")) -> Path:
    """A clip with 5.1 channels, a tone at these levels in each: left, right, centre, low frequencies, surround."""
    tone = "|".join(f"{level}*sin(2*PI*440*t)" for level in levels)
    sound = f"aevalsrc='{tone}':c=5.1:s=48000:d=2"
    return make(
        out, "-f", "lavfi", "-i", "color=gray:s=64x36:r=24:d=2", "-f", "lavfi", "-i", sound, *X264, *TAGS, *codec
    )


@pytest.mark.parametrize("order", [{}, pytest.param({"reencode": True}, marks=pytest.mark.ci)], ids=str)
@pytest.mark.parametrize(
    ("levels", "left", "right"),
    every(3, [((0, 0, 0.5, 0, 0, 0), 0.354, 0.354), ((0.5, 0, 0, 0.9, 0, 0.2), 0.5, 0.141), ((0.9,) * 6, 0.83, 0.83)]),
)
def test_surround_is_mixed_as_the_standard_says(studio: Studio, tmp_path: Path, levels, left, right, order) -> None:
    """Speech in the centre would be 17 dB too soft; and what adds up must not crackle (ITU-R BS.775)."""
    sound = look(film(studio, surround(tmp_path / "5.1.mp4", *levels), **order)).sound[:, 9600:-9600]
    assert abs(sound).max(axis=1) == pytest.approx([left, right], abs=0.03)


def with_first_packet(path: Path, out: Path, content: bytes) -> Path:
    """The clip with one more AAC packet before its sound, as encoders write that put their name there."""
    with av.open(str(path), format="mp4") as source, av.open(str(out), "w", format="mp4") as into:
        tracks = {stream.index: into.add_stream_from_template(stream) for stream in source.streams}
        first = True
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                if first:
                    name = av.Packet(content)
                    name.time_base, name.pts, name.dts = packet.time_base, packet.pts - 1024, packet.dts - 1024
                    name.duration = 1024
                    name.stream = tracks[packet.stream.index]
                    into.mux(name)
                first = False
            packet.stream = tracks[packet.stream.index]
            into.mux(packet)
    return out


# A fill element of 14 bytes (their count and a text), then the end; and the end alone.
FILLER = int(f"110{15 - 1:04b}" + "".join(f"{sign:08b}" for sign in b"encoder: any.."[:14]) + "111" + "0" * 6, 2)


@pytest.mark.parametrize("content", [FILLER.to_bytes(16), bytes([0b11100000])])
@pytest.mark.parametrize("each", every(3, [", audio: {gain: -3}", "", ", transition: {kind: fade}"]))
@pytest.mark.ci
def test_a_first_packet_without_sound_is_silence(studio: Studio, clips: Clips, tmp_path: Path, content, each) -> None:
    """libfaac writes its name there: the clip was called damaged as soon as a gain or a joint touched it."""
    odd = with_first_packet(clips(RED, seconds=2), tmp_path / "odd.mp4", content)
    assert len(look(film(studio, odd, odd, each=each)).clicks()) >= 2


def test_a_track_that_says_nothing_is_left_out(studio: Studio, clips: Clips, tmp_path: Path) -> None:
    """It ended in a fault of our own."""
    content = clips(GREEN).read_bytes()
    at = content.rindex(b"stsd")
    odd = tmp_path / "odd.mp4"
    odd.write_bytes(content[:at] + b"free" + content[at + 4 :])
    assert close(look(film(studio, odd)).colour(12), GREEN)
    assert "does not say how it is encoded" in warned(studio)


def test_metadata_in_any_letters(studio: Studio, clips: Clips, tmp_path: Path) -> None:
    """A title in Latin-1 made a whole clip damaged."""
    odd = tmp_path / "odd.mov"
    content = clips(GREEN, suffix="mov", fps=25, extra=("-metadata", "title=Cafe de Flore")).read_bytes()
    odd.write_bytes(content.replace(b"Cafe de", b"Caf\xe9 de"))
    assert close(look(film(studio, odd, clips(RED))).colour(12), GREEN)


@pytest.mark.ci
def test_damage_is_told_with_its_time(studio: Studio, clips: Clips, tmp_path: Path, run) -> None:
    """Players stop in the middle of a film that was reported as whole."""
    path = clips(RED, seconds=4, codec=("-c:v", "libx264", "-g", "12", *TAGS), filters=",noise=alls=20:allf=t")
    frames_of = reader.read(path).frames
    content = bytearray(path.read_bytes())
    at = frames_of.stored.offsets[60]
    content[at : at + 4] = b"\xff" * 4
    odd = tmp_path / "odd.mp4"
    odd.write_bytes(content)
    film(studio, odd)
    said = re.search(r"scene 's0': its clip is damaged: .* at about ([0-9.]+) s", warned(studio))
    assert said
    assert 2.2 <= float(said[1]) <= 2.6
    assert run("validate", "film.yaml")[2] == "length   4 s\nfilm.yaml: 1 scene, no problems\n"
    exit, _, err = run("validate", "--deep", "film.yaml")
    assert (exit, said[0] in err) == (0, True)
    film(studio, odd, each=", trim: {to: 2}")
    assert warned(studio) == ""
    film(studio, odd, each=", title: {text: Hello}")
    assert "damaged" in warned(studio)


@pytest.mark.parametrize("count", [pytest.param(25, marks=pytest.mark.ci), pytest.param(500, marks=pytest.mark.slow)])
def test_whatever_is_accepted_can_be_cut(clips: Clips, tmp_path: Path, count: int) -> None:
    """A take that was paid for and verified would stop each cut: headers with numbers changed at random."""
    codec = ("-c:v", "libx264", "-g", "12", "-bf", "2", *TAGS)
    good = clips(GREEN, seconds=1.5, size=(64, 36), codec=codec, extra=("-movflags", "+faststart")).read_bytes()
    begin, end, chance = good.index(b"moov") - 4, good.index(b"mdat") + 4, random.Random(count)
    base, odd = tmp_path / "base.mp4", tmp_path / "odd.mp4"
    base.write_bytes(good)
    accepted = 0
    for number in range(count):
        content = bytearray(good)
        at = chance.randrange(begin, end)
        content[at : at + 4] = chance.choice((bytes(4), b"\0\0\0\2", b"\xff" * 4, bytes([chance.randrange(256)])))
        odd.write_bytes(content)
        try:
            verify(odd, None)
        except BadMedia:
            continue
        accepted += 1
        seconds = probe.measure(odd).seconds
        length, dissolve = max(12, round(seconds * 24)), TimedTransition("dissolve", 12)
        parts = (
            Clip("a", "base", Fraction(0), Fraction(3, 2), 0, 36),
            Clip("b", "odd", Fraction(0), seconds, 24, length, dissolve, AudioLevel(Fraction(-3))),
            Clip("c", "odd", Fraction(0), seconds, 24 + length, length),
        )
        cut, paths = Timeline(parts, 64, 36, 24, "pad"), {"base": base, "odd": odd}
        known = splice.indexes(paths)
        splice.splice(plan_reencoded_film(cut, known), known, paths, tmp_path / "f.mp4", tmp_path / f"s{number}")
        frames.frame(odd, probe.measure(odd).frames - 1)
    assert accepted > count // 3
