"""Storyboards as people write them: block and flow, quoting, comments, indents, line ends. For Hypothesis."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

# Where a number stands that an edit may change: it is filled in last, so that the expected text is known.
_MARK = "@{}.{}@"

PLAIN = (
    "The lamp catches fire.",
    "über dem Fjord",
    "夜の港 (wide)",
    "a b, c",
    "it's 5 o'clock",
    "x: y"[:1] + "-y",
    "🎬 cut",
)
COMMENTS = ("# hero shot: {braces}, 'quotes' and \"more\"", "#", "# pick: 3", "#  ünïcode …", "# - id: not-a-scene")


@dataclass
class Written:
    """One file: its ``template`` with marks, the ``numbers`` at the marks, and its scenes' ids in order.

    ``shared`` are scenes that an alias repeats, ``alias`` those that stand here as an alias.
    """

    template: str = ""
    ids: list[str] = field(default_factory=list)
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    styles: dict[str, str] = field(default_factory=dict)

    def text(self, scene: str = "", key: str = "", number: str = "") -> bytes:
        """The file; with a number of a scene in place of the one that is written."""
        text = self.template
        for name, value in self.numbers.items():
            text = text.replace(_MARK.format(*name), number if name == (scene, key) else value)
        return text.encode()


@st.composite
def storyboards(draw: st.DrawFn) -> Written:
    """A storyboard, or a file of scenes that one includes."""
    made = Written()
    count = draw(st.integers(1, 4))
    part = draw(st.sampled_from(("whole", "whole", "list", "one")))
    count = 1 if part == "one" else count
    lines: list[str] = []
    if part == "whole":
        lines += draw(st.sampled_from(([], ["# a film", ""], ["---"], ["%YAML 1.2", "---", ""])))
        lines += ["storyboard: 1"]
        lines += draw(
            st.sampled_from(
                (
                    [],
                    ['title: Ünder "quotes"'],
                    ["vars: {pick: 7, takes: [1, 2]}"],
                    ["vars:", "  - &shared 2", "  # pick"],
                    ["defaults:", "    takes: 3   # three", "    pick: 1"],
                )
            )
        )
    flow = part == "whole" and draw(st.booleans()) and draw(st.booleans())
    indent = draw(st.integers(0, 5)) if part == "whole" else 0
    scenes = [_scene(draw, made, f"s{at}", flow or draw(st.integers(0, 3)) == 0) for at in range(1, count + 1)]
    if part == "one":
        lines += scenes[0]
    elif flow:
        lines += ["scenes: ["]
        for at, scene in enumerate(scenes):
            comma = "," if at < len(scenes) - 1 or draw(st.booleans()) else ""
            lines += [f"  {line}" for line in scene[:-1]] + [f"  {scene[-1]}{comma}"]
        lines += ["]" + draw(st.sampled_from(("", " ", " # end")))]
    else:
        lines += ["scenes:" + draw(st.sampled_from(("", "  # all of them")))] if part == "whole" else []
        for scene in scenes:
            lines += _between(draw)
            gap = draw(st.integers(1, 4))
            split = draw(st.integers(0, 5)) == 0
            dash = " " * indent + "-"
            lines += [dash + draw(st.sampled_from(("", "  # scene")))] if split else []
            first = " " * (indent + 1 + gap) if split else dash + " " * gap
            rest = " " * (indent + 1 + gap)
            lines += [f"{first if at == 0 else rest}{line}" if line else "" for at, line in enumerate(scene)]
        lines += draw(st.sampled_from(([], ["", "# the end"]))) if part == "whole" else []
        lines += ["output: {file: out/film.mp4}"] if part == "whole" and draw(st.booleans()) else []
    line_break = draw(st.sampled_from(("\n", "\n", "\r\n", "\r\n", "\r")))
    end = draw(st.sampled_from((line_break, line_break, "", line_break * 2)))
    made.template = draw(st.sampled_from(("", "", "", "\ufeff"))) + line_break.join(lines) + end
    return made


def _between(draw: st.DrawFn) -> list[str]:
    return draw(st.sampled_from(([], [], [""], ["# between", ""], [f"      {COMMENTS[0]}"])))


def _scene(draw: st.DrawFn, made: Written, name: str, flow: bool) -> list[str]:
    """The lines of a scene, not indented."""
    made.ids.append(name)
    keys = ["prompt", *draw(st.lists(st.sampled_from(("seed", "note", "label", "takes", "pick")), unique=True))]
    json = flow and draw(st.booleans())
    made.styles[name] = "json" if json else "flow" if flow else "block"
    entries = [("id", [_quoted(draw, name, json)])]
    for key in keys:
        entries.append((key, _value(draw, made, name, key, flow, json)))
    entries = draw(st.permutations(entries)) if draw(st.booleans()) else entries
    return _braces(draw, entries, json) if flow else _block(draw, entries)


def _quoted(draw: st.DrawFn, word: str, json: bool) -> str:
    style = '"{}"' if json else draw(st.sampled_from(("{}", "{}", "{}", "'{}'", '"{}"')))
    return style.format(word)


def _value(draw: st.DrawFn, made: Written, scene: str, key: str, flow: bool, json: bool) -> list[str]:
    """The lines of a value; those after the first are indented below the key."""
    if key in ("takes", "pick"):
        made.numbers[scene, key] = str(draw(st.integers(1, 120)))
        anchor = "" if json else draw(st.sampled_from(("", "", f"&{key}-{scene} ")))
        return [anchor + _MARK.format(scene, key)]
    if key == "seed":
        return [str(draw(st.integers(0, 99)))]
    text = draw(st.sampled_from(PLAIN))
    if json:
        return [f'"{text}"']
    if flow:
        return [f"'{text.replace(chr(39), chr(39) * 2)}'"]
    styles = (
        [text],
        [f'"{text}', f'  and on: # {text}"'],
        ["|-", f"  {text}", "", "    pick: 4", "  # no comment"],
        [">", f"  {text}", "  more"],
        [text, "  goes on"],
        ["[1, {pick: 2},", " 3]"],
        [f"&n{scene}{key} {text}"],
    )
    return draw(st.sampled_from(styles))


def _block(draw: st.DrawFn, entries: list[tuple[str, list[str]]]) -> list[str]:
    lines: list[str] = []
    for key, value in entries:
        if lines and draw(st.integers(0, 4)) == 0:
            lines.append(draw(st.sampled_from(("", *COMMENTS))))
        shown = draw(st.sampled_from((key, key, key, f'"{key}"', f"'{key}'")))
        colon = draw(st.sampled_from((": ", ": ", ":   ", " : ")))
        if draw(st.integers(0, 12)) == 0:
            lines.append(f"? {shown}")
            lines.append(f": {value[0]}")
        else:
            lines.append(f"{shown}{colon}{value[0]}")
        single = len(value) == 1 and draw(st.integers(0, 3)) == 0
        lines[-1] += f"  {draw(st.sampled_from(COMMENTS))}" if single else draw(st.sampled_from(("", "", "  ")))
        lines += [f"  {line}" if line else "" for line in value[1:]]
    return lines


def _braces(draw: st.DrawFn, entries: list[tuple[str, list[str]]], json: bool) -> list[str]:
    parts = [
        f'"{key}":{draw(st.sampled_from(("", " ")))}{value[0]}' if json else f"{key}: {value[0]}"
        for key, value in entries
    ]
    style = draw(st.integers(0, 2))
    if style == 0:
        return ["{" + draw(st.sampled_from((", ", ",  "))).join(parts) + draw(st.sampled_from(("}", " }", ", }")))]
    if style == 1:
        return ["{", *(f"  {part},{draw(st.sampled_from(('', '  # note, }')))}" for part in parts), "}"]
    return [f"{{ {parts[0]}", *(f"  , {part}" for part in parts[1:]), "  }"]
