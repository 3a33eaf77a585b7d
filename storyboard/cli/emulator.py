"""storyboard emulator: the provider's API on this machine, with drafts for clips and faults on request."""

import asyncio
import re
from typing import TYPE_CHECKING

import click

from storyboard.system import signals

if TYPE_CHECKING:
    from storyboard.emulator.api.behaviour import Behaviour

_HELP = """\b
FAULT is PLACE:WHAT[=VALUE][+charged] [xN] [%P] [@TEXT]
  submit:http=500          the API answers HTTP 500, nothing is charged
  submit:code=429 x2       code 429 in the body, the first two times
  submit:drop-after        charged, and the answer is lost
  poll:shape=string        resultUrls as JSON in a string
  job:fail=501 @lamp       jobs fail whose prompt contains "lamp"
  clip:cut %30             three downloads in ten break off
All of them: storyboard emulator --list-faults
"""


@click.command(epilog=_HELP)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 selects a free port.")
@click.option("--latency", type=click.FloatRange(0, 86400), default=0, help="Minimum duration of a job in seconds.")
@click.option(
    "--hd-latency", type=click.FloatRange(0, 86400), default=0, help="Duration of a 1080p upgrade in seconds."
)
@click.option(
    "--rate", metavar="N/SECONDS", help="Accept at most N submissions in SECONDS, such as 20/10; then answer 429."
)
@click.option(
    "--balance", type=click.FloatRange(0), default=1_000_000, help="Initial balance in credits (default 1000000)."
)
@click.option("--fault", "faults", multiple=True, metavar="FAULT", help="Simulate this fault. May be repeated.")
@click.option(
    "--storm", type=click.FloatRange(0, 90), default=0, help="Simulate every fault, in PERCENT of all requests."
)
@click.option("--seed", type=int, default=1, help="Seed of the random choices in faults with %P (default 1).")
@click.option("--plain", is_flag=True, help="Serve small single-colour clips instead of drafts (faster).")
@click.option(
    "--as",
    "dialect",
    metavar="NAME",
    default="apikley",
    help="Service whose API is served: apikley, comfy, gemini, or a declared one (default apikley).",
)
@click.option("--list-faults", "listed", is_flag=True, help="List every fault and exit.")
def command(
    port: int,
    latency: float,
    hd_latency: float,
    rate: str | None,
    balance: float,
    faults: tuple[str, ...],
    storm: float,
    seed: int,
    plain: bool,
    dialect: str,
    listed: bool,
) -> int:
    """Serve the provider's API on this machine until interrupted. Prints its address on stdout.

    No request leaves this machine, and nothing is bought.
    """
    from storyboard.emulator.api.behaviour import DIALECTS, Behaviour
    from storyboard.emulator.faults.faults import storm as every
    from storyboard.workflow.declared_service import declaration_of

    if listed:
        _list()
        return 0
    built_in = next((each for each in DIALECTS if each == dialect), None)
    behaviour = Behaviour(
        latency=latency,
        hd_latency=hd_latency,
        rate=_rate(rate),
        faults=(*faults, *(every(storm) if storm else ())),
        balance=balance,
        seed=seed,
        film="plain" if plain else "animatic",
        dialect=built_in or "apikley",
        declared=None if built_in else declaration_of(dialect, DIALECTS),
    )
    signals.run(lambda: _serve(behaviour, port))
    return 0


async def _serve(behaviour: "Behaviour", port: int) -> None:
    from storyboard.emulator import Emulator
    from storyboard.providers.declared.interpreter import declared_provider
    from storyboard.providers.installed import find

    names = (declared_provider(behaviour.declared) if behaviour.declared else find(behaviour.dialect)).environment
    key = f"{names.key}=rehearsal " if names.auth.header else ""
    stop = asyncio.Event()
    with signals.interrupt_handler(lambda times: stop.set()):
        async with Emulator(behaviour, port, _warn) as emulator:
            click.echo(emulator.url)
            click.echo("In another terminal, for example:", err=True)
            click.echo(
                f"  {names.base_url}={emulator.url} {key}STORYBOARD_TIME_SCALE=0.01 \\\n"
                "    storyboard render film.yaml --yes",
                err=True,
            )
            click.echo("Press Ctrl-C to stop.", err=True)
            await stop.wait()


def _warn(label: str, sentence: str) -> None:
    from storyboard.model.text import one_line

    click.echo(f"scene {one_line(label, 100)}: {sentence}" if label else sentence, err=True)


def _rate(text: str | None) -> tuple[int, float] | None:
    if text is None:
        return None
    form = re.fullmatch(r"([1-9]\d{0,5})/(\d{1,5}(?:\.\d{1,3})?)", text)
    if not form or not float(form[2]):
        raise click.BadParameter("write submissions/seconds, such as 20/10", param_hint="--rate")
    return int(form[1]), float(form[2])


def _list() -> None:
    from storyboard.emulator.faults.faults import PLACES

    for place, kinds in PLACES.items():
        for name, kind in kinds.items():
            value = kind.value
            written = f"{place}:{name}{value.replace('[', '[=') if value.startswith('[') else value and '=' + value}"
            click.echo(f"{written:<34} {kind.does}" if len(written) < 34 else f"{written}\n{'':<34} {kind.does}")
