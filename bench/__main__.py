"""python -m bench [NAME...]: measure what is named, or everything; print it, and write it into RESULTS.md.

The exit status is 1 where a figure is beyond its reach.
"""

import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.machine import described
from bench.row import Row

NAMES = (
    "prompt",
    "reading",
    "drafting",
    "checking",
    "orchestration",
    "storm",
    "memory",
    "downloading",
    "joining",
    "cutting",
    "composing",
    "trimming",
    "frames",
    "hostile",
)
HERE = Path(__file__).resolve().parent

# What was measured of each name, and on which machine: {"machine": {...}, "rows": [...]}.
Results = dict[str, Any]


def main(names: list[str]) -> int:
    """Measure what is named, or everything."""
    if unknown := [name for name in names if name not in NAMES]:
        print(f"there is no {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    kept, missed = HERE / "results.json", False
    for name in names or NAMES:
        machine = described()
        rows = import_module(f"bench.{name}").rows()
        missed |= any(row.missed for row in rows)
        print(f"\n{name}\n" + "\n".join(map(_line, rows)), flush=True)
        results: Results = json.loads(kept.read_text()) if kept.exists() else {}
        results[name] = {"machine": machine, "rows": [asdict(row) for row in rows]}
        kept.write_text(json.dumps({each: results[each] for each in NAMES if each in results}, indent=2) + "\n")
        (HERE / "RESULTS.md").write_text(_page(results))
    return int(missed)


def _line(row: Row) -> str:
    return f"  {row.name:62} {_number(row.value):>9} {row.unit:4} {_promise(row)}".rstrip()


def _promise(row: Row) -> str:
    if row.reach is None:
        return ""
    return f"at most {_number(row.reach)}" + (": MISSED" if row.missed else "")


def _number(value: float) -> str:
    if value == int(value) or value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _page(results: Results) -> str:
    """RESULTS.md: a table a module, with what the module says of itself, and when and on what it was measured."""
    parts = [
        "# What was measured\n",
        "Written by `./dev bench` (everything) or `./dev bench NAME`; `results.json` holds the same.\n"
        "Ratios can be compared between machines, seconds cannot. `at most` is what the project has promised.\n",
    ]
    for name in NAMES:
        if name in results:
            about = (import_module(f"bench.{name}").__doc__ or "").strip()
            machine = "; ".join(f"{what}: {text}" for what, text in results[name]["machine"].items())
            parts.append(
                f"## {name}\n\n{about}\n\n({machine})\n\n| figure | value | | at most |\n| --- | ---: | --- | --- |"
            )
            rows = [Row(**row) for row in results[name]["rows"]]
            parts.extend(f"| {row.name} | {_number(row.value)} | {row.unit} | {_promise(row)[8:]} |" for row in rows)
            parts[-1] += "\n"
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
