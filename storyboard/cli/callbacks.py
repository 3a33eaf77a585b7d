"""storyboard callbacks: receive the provider's callbacks (webhooks), also while no render is in progress."""

import asyncio
from typing import TYPE_CHECKING

import click

from storyboard.model.errors import Busy, InputError, StoryboardError
from storyboard.system import signals

if TYPE_CHECKING:
    from storyboard.config.settings import Settings


@click.command
def command() -> int:
    """Receive the provider's callbacks until interrupted, and keep them for the next render."""
    from storyboard.config.settings import settings

    found = settings()
    signals.run(lambda: _listen(found))
    return 0


async def _listen(found: "Settings") -> None:
    from storyboard.generation.callbacks import Listener
    from storyboard.state.ledger import Ledger
    from storyboard.system.clock import Clock
    from storyboard.system.files import private_dir
    from storyboard.workflow.offers import provider_of

    stop = asyncio.Event()
    where = found.callbacks
    ledger = Ledger(private_dir(found.realm_folder()) / "ledger.db")
    try:
        with signals.interrupt_handler(lambda times: stop.set()):
            provider, key = provider_of(found, found.service_realm), _known_key(found)
            async with Listener(where, ledger, provider, Clock(), _heard, _warned, api_key=key):
                click.echo(where.listens)
                if where.url is None:
                    _warned("STORYBOARD_CALLBACK_URL is not set, so renders request no callbacks yet:")
                    _warned("  set it to the https address of a tunnel that leads here")
                _warned("Press Ctrl-C to stop.")
                await stop.wait()
    except Busy as error:
        raise InputError(error.message, error.hint or "one of them is enough") from None
    finally:
        ledger.close()


def _known_key(found: "Settings") -> str:
    """The API key, which is masked if a callback names it; "" where there is none."""
    from storyboard.config.credentials import api_key

    try:
        return api_key(found)
    except StoryboardError:
        return ""


def _heard(nonce: str, job: str) -> None:
    # The nonce authenticates a callback: it is never shown.
    click.echo(f"heard of job {job}", err=True)


def _warned(why: str) -> None:
    click.echo(why, err=True)
