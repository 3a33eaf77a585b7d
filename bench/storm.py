"""Storm: 500 scenes while 20 % of all requests fail in every way the emulator knows, until nothing more is to be had.

What stops a run (a refused key, say, which the storm brings about as well) is answered by the next render, as an author
would; a scene that is refused for its content is submitted again (--retry), because the storm refuses at random. Pauses
are scaled to a thousandth. The time is that of all the renders together. Limits: 60 s, 200 MiB. That nothing is charged
twice meanwhile is counted by tests/crash/test_crash_load.py.
"""

import json
import tempfile
from contextlib import closing
from pathlib import Path

from bench.process import STORYBOARD, Cost, cost
from bench.row import Row
from bench.service import author, service, storyboard
from storyboard.state.ledger import Ledger

SCENES, PERCENT, AT_ONCE, SCALE = 500, 20, 50, 0.001
MOST = 100
_ENDS = (0, 3, 4, 5)


def rows() -> list[Row]:
    """Render again and again, until every scene has its take or is unknown."""
    with tempfile.TemporaryDirectory() as name, service("--plain", "--storm", str(PERCENT)) as url:
        folder = Path(name)
        file, environ = storyboard(folder, SCENES), author(url, folder / "home", SCALE)
        insisting = [word for n in range(SCENES) for word in ("--retry", f"s{n}")]
        render = [*STORYBOARD, "render", file, "--yes", "--no-cut", "--json", "--at-once", AT_ONCE, *insisting]
        costs: list[Cost] = []
        while len(costs) < MOST and not (costs and _settled(costs[-1])):
            costs.append(cost(render, environ, watch=True, ends=_ENDS))
        with closing(Ledger(folder / "home" / "rehearsals" / "ledger.db")) as ledger:
            states = [entry.state for entry in {entry.key: entry for entry in ledger.submissions.all()}.values()]
    what = f"{SCENES} scenes, {PERCENT} % of requests fail"
    return [
        Row(f"{what}, until settled", sum(one.wall for one in costs), "s", 60),
        Row(f"{what}, until settled, CPU", sum(one.cpu for one in costs), "s"),
        Row(f"{what}, renders until settled", len(costs), ""),
        Row(f"{what}, scenes with a take", states.count("taken"), ""),
        Row(f"{what}, scenes unknown", states.count("unknown"), ""),
        Row(f"{what}, scenes of no such end", SCENES - states.count("taken") - states.count("unknown"), "", 0),
        Row(f"{what}, peak memory", max(one.own for one in costs), "MiB", 200),
    ]


def _settled(last: Cost) -> bool:
    """Whether no scene has failed or was left out: each is done or unknown."""
    done = json.loads(last.out.splitlines()[-1])
    return last.status in (0, 4) and done["event"] == "done" and done["failed"] == 0
