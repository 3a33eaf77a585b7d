"""python -m bench [NAME...]: measure, print, and, where everything was measured, write RESULTS.md and results.json.

The exit status is 1 where a figure is beyond its reach.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from bench.machine import described
from bench.row import Row

NAMES = (
    "prompt",
    "reading",
    "drafting",
    "orchestration",
    "storm",
    "memory",
    "joining",
    "composing",
    "frames",
    "hostile",
)
HERE = Path(__file__).resolve().parent

Results = Mapping[str, list[Row]]


def main(names: list[str]) -> int:
    """Measure what is named, or everything."""
    if unknown := [name for name in names if name not in NAMES]:
        print(f"there is no {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    machine, results = described(), {}
    for name in names or NAMES:
        results[name] = import_module(f"bench.{name}").rows()
        print(f"\n{name}\n" + "\n".join(map(_line, results[name])), flush=True)
    if not names:
        (HERE / "RESULTS.md").write_text(_page(machine, results))
        found = {name: [asdict(row) for row in rows] for name, rows in results.items()}
        (HERE / "results.json").write_text(json.dumps({"machine": machine, "results": found}, indent=2) + "\n")
    return int(any(row.missed for rows in results.values() for row in rows))


def _line(row: Row) -> str:
    return f"  {row.name:62} {_number(row.value):>9} {row.unit:4} {_promise(row)}".rstrip()


def _promise(row: Row) -> str:
    if row.reach is None:
        return ""
    return f"at most {_number(row.reach)}" + (": MISSED" if row.missed else "")


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def _page(machine: Mapping[str, str], results: Results) -> str:
    """RESULTS.md: the machine, then a table a module, with what the module says of itself."""
    parts = [
        "# What was measured\n",
        "Written by `./dev bench`; `results.json` holds the same. Ratios can be compared between machines, seconds\n"
        "cannot. `at most` is what the project has promised.\n",
        "\n".join(f"* {what}: {text}" for what, text in machine.items()) + "\n",
    ]
    for name, rows in results.items():
        about = (import_module(f"bench.{name}").__doc__ or "").strip()
        parts.append(f"## {name}\n\n{about}\n\n| figure | value | | at most |\n| --- | ---: | --- | --- |")
        parts.extend(f"| {row.name} | {_number(row.value)} | {row.unit} | {_promise(row)[8:]} |" for row in rows)
        parts[-1] += "\n"
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
