"""A model of config.toml: its workflow, and what its clips can be: sizes, lengths, sound."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from storyboard.model.capabilities import Lengths, Model, ModelRule, Quality
from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.providers.comfy.graph import LARGEST, ROLES, Graph, read_graph

_KEYS = (
    *(
        "workflow",
        "seconds",
        "fps",
        "frames_rule",
        "multiple",
        "aspects",
        "resolutions",
        "sizes",
        "sound",
        "prompt_limit",
    ),
    *ROLES,
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_RULE = re.compile(r"([1-9]\d{0,2})n(?:\+(\d{1,3}))?")
_SHAPE = re.compile(r"([1-9]\d{0,2}):([1-9]\d{0,2})")
_RESOLUTION = re.compile(r"([1-9]\d{2,3})p")
_LARGEST_SEED = 2**64 - 1  # of a seed of ComfyUI's nodes


@dataclass(frozen=True, slots=True)
class WorkflowModel:
    """One model: its ``graph``; ``step`` and ``rest`` are its rule for frames (step * n + rest).

    ``sizes`` are pixels by shape and resolution, ``fps`` the frames a second that it saves.
    """

    model: Model
    graph: Graph
    fps: Fraction
    step: int
    rest: int
    sizes: Mapping[tuple[str, str], tuple[int, int]]

    def frames(self, seconds: Fraction) -> int:
        """The least number of frames by its rule that lasts as long."""
        wanted = -(-seconds * self.fps // 1)
        return int(self.rest + self.step * max(-(-(wanted - self.rest) // self.step), 0 if self.rest else 1))


def read_model(name: str, table: object, folder: Path) -> WorkflowModel:
    """Return the model of [providers.comfy.models.NAME]; ``folder`` is that of config.toml. Raise InputError."""
    where = f"[providers.comfy.models.{one_line(name, 60)}]"
    if not _NAME.fullmatch(name) or not isinstance(table, Mapping):
        raise InputError(f"{where}: a model is a table, its name of letters, digits, '.', '_', '-'")
    for key in table:
        if key not in _KEYS:
            raise InputError(f"{where}: unknown key {one_line(key, 60)!r}", did_you_mean(key, _KEYS))
    words = _Words(where, table)
    graph = _graph(words, folder)
    fps = words.number("fps", Fraction(24), least=1, most=240)
    step, rest = words.frame_rule()
    seconds = words.seconds()
    sizes = words.sizes()
    model = Model(
        name=name,
        aspects=tuple(dict.fromkeys(shape for shape, _ in sizes)) if _sized(graph) else (*_usual_shapes(), "auto"),
        seconds=int(seconds[0]),
        resolutions=words.qualities(sizes),
        seeds=(0, _LARGEST_SEED) if "seed" in graph.bound else None,
        prompt_limit=words.whole("prompt_limit", 5_000, most=100_000),
        lengths=Lengths(choices=tuple(sorted(seconds))) if "frames" in graph.bound else Lengths(),
        first_frame="first_frame" in graph.bound,
        last_frame="last_frame" in graph.bound,
        images="upload",
        web_images=False,
        sound="always" if words.switch("sound") else "never",
        options=frozenset({"negative"} & {*graph.bound}),
        rules=_rules(graph),
        rate=round(fps),
        definition=_definition(graph, fps, step, rest, sizes),
    )
    return WorkflowModel(model, graph, fps, step, rest, sizes)


def _usual_shapes() -> tuple[str, ...]:
    return ("16:9", "9:16")


def _sized(graph: Graph) -> bool:
    return "width" in graph.bound and "height" in graph.bound


def _graph(words: "_Words", folder: Path) -> Graph:
    path = words.table.get("workflow")
    if not isinstance(path, str) or not path.strip():
        raise InputError(f"{words.where}: workflow is missing", 'write workflow = "wan22.api.json"')
    try:
        file = folder / Path(path).expanduser()
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no path"
        raise InputError(
            f"{words.where}: the workflow {one_line(path, 200)} cannot be read: {why}",
            f"a path that is not absolute is relative to {folder}",
        ) from None
    given = {role: value for role in ROLES if (value := words.table.get(role)) is not None}
    return read_graph(content, one_line(str(file), 300), given)


def _rules(graph: Graph) -> tuple[ModelRule, ...]:
    """A workflow that loads an image cannot do without it."""
    said = {"first_frame": "begins with a first frame", "last_frame": "ends with a last frame"}
    return tuple(
        ModelRule({}, {role: (True,)}, f"its workflow {words}, which it cannot do without")
        for role, words in said.items()
        if role in graph.bound
    )


def _definition(
    graph: Graph, fps: Fraction, step: int, rest: int, sizes: Mapping[tuple[str, str], tuple[int, int]]
) -> str:
    """SHA-256 (hex) of the workflow without its bound inputs, and of the rules that give these their numbers."""
    parts: dict[str, object] = {"workflow": graph.digest}
    if "frames" in graph.bound:
        parts["frames"] = [str(fps), step, rest]
    if _sized(graph):
        parts["sizes"] = {" ".join(key): size for key, size in sizes.items()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Words:
    """The values of a model's table. Each raises InputError naming the key."""

    where: str
    table: Mapping[str, object]

    def wrong(self, key: str, wants: str) -> InputError:
        return InputError(f"{self.where}: {key} must be {wants}, not {self.table.get(key)!r:.80}")

    def number(self, key: str, usual: Fraction, *, least: int, most: int) -> Fraction:
        found = _fraction(self.table.get(key, usual))
        if found is None or not least <= found <= most:
            raise self.wrong(key, f"a number from {least} to {most}")
        return found

    def whole(self, key: str, usual: int, *, most: int) -> int:
        found = self.number(key, Fraction(usual), least=1, most=most)
        if found.denominator != 1:
            raise self.wrong(key, "a whole number")
        return int(found)

    def switch(self, key: str) -> bool:
        found = self.table.get(key, False)
        if not isinstance(found, bool):
            raise self.wrong(key, "true or false")
        return found

    def frame_rule(self) -> tuple[int, int]:
        text = self.table.get("frames_rule", "1n")
        found = _RULE.fullmatch(text) if isinstance(text, str) else None
        if not found:
            raise self.wrong("frames_rule", 'the rule of the model, such as "4n+1" or "8n+1"')
        return int(found[1]), int(found[2] or 0)

    def seconds(self) -> tuple[Fraction, ...]:
        """The lengths, the usual one first."""
        given = self.table.get("seconds", [5])
        found = [_fraction(each) for each in (given if isinstance(given, list) else [given])]
        good = [each for each in found if each is not None and 0 < each <= 600]
        if not good or len(good) < len(found) or good[0].denominator != 1:
            raise self.wrong("seconds", "a list of lengths above 0 in seconds, such as [5, 3], a whole number first")
        return tuple(dict.fromkeys(good))

    def texts(self, key: str, usual: Sequence[str], form: "re.Pattern[str]", example: str) -> tuple[str, ...]:
        found = self.table.get(key, list(usual))
        if not isinstance(found, list) or not found or not all(isinstance(e, str) and form.fullmatch(e) for e in found):
            raise self.wrong(key, f"a list such as {example}")
        return tuple(dict.fromkeys(found))

    def sizes(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Pixels of each shape and resolution: those of "sizes", else the nearest that ``multiple`` allows."""
        shapes = self.texts("aspects", _usual_shapes(), _SHAPE, '["16:9", "9:16"]')
        names = self.texts("resolutions", ("480p",), _RESOLUTION, '["480p", "640p"]')
        multiple, own = self.whole("multiple", 16, most=256), self.table.get("sizes", {})
        if not isinstance(own, Mapping):
            raise self.wrong("sizes", 'a table such as {"16:9 480p" = [832, 480]}')
        found = {(shape, name): _size(shape, name, multiple) for name in names for shape in shapes}
        for key, size in own.items():
            shape, _, name = key.partition(" ")
            good = isinstance(size, list) and len(size) == 2 and all(type(e) is int and 16 <= e <= 8192 for e in size)
            if not good or (shape, name) not in found:
                raise self.wrong("sizes", 'a table such as {"16:9 480p" = [832, 480]}, of aspects and resolutions')
            found[shape, name] = (size[0], size[1])
        return found

    def qualities(self, sizes: Mapping[tuple[str, str], tuple[int, int]]) -> tuple[Quality, ...]:
        """The resolutions in order, each with the size of the first shape, the longer side first."""
        found: dict[str, tuple[int, int]] = {}
        for (_, name), size in sizes.items():
            found.setdefault(name, (max(size), min(size)))
        return tuple(Quality(name, size) for name, size in found.items())


def _size(shape: str, resolution: str, multiple: int) -> tuple[int, int]:
    """Width and height whose shorter side is nearest to that of the resolution, in multiples."""
    width, height = map(int, shape.split(":"))
    short = int(resolution[:-1])
    sides = (Fraction(short * width, min(width, height)), Fraction(short * height, min(width, height)))
    wide, high = (max(multiple, multiple * round(side / multiple)) for side in sides)
    return wide, high


def _fraction(value: object) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    try:
        return Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    except ValueError:  # inf, nan
        return None
