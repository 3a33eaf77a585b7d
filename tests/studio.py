"""A studio: a project folder, a home, and a service that sells clips, all real and all on this machine."""

import asyncio
import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from canary import CANARY

from storyboard.cli.next_steps import done_event
from storyboard.config.settings import Settings, settings
from storyboard.emulator import Emulator
from storyboard.emulator.api.behaviour import Behaviour
from storyboard.model import events
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import claimed_workspace

# Arguments in; exit status, stdout and stderr out (the fixture ``run``).
Run = Callable[..., tuple[int, str, str]]


class Service:
    """An emulator that runs in a thread of its own, as a service runs on a machine of its own."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.emulator = Emulator(behaviour)
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        async with self.emulator:
            self._ready.set()
            await self._end.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    @property
    def posts(self) -> int:
        """How many submissions arrived."""
        return sum(seen.method == "POST" and seen.path.endswith("/generate") for seen in self.emulator.requests)

    @property
    def charged(self) -> int:
        """Credits taken for clips, refunds not counted."""
        return sum(charge.credits for charge in self.emulator.charges if charge.credits > 0)


@dataclass
class Studio:
    """One author at work. ``environ`` is what the author's shell says."""

    folder: Path
    environ: dict[str, str]
    _service: Service | None = None
    seen: list[events.Event] = field(default_factory=list)

    def serve(self, *faults: str, **behaviour: Any) -> Service:
        self.close()
        self._service = Service(Behaviour(faults=faults, **{"film": "plain", **behaviour}))
        self.environ["APIKLEY_BASE_URL"] = self.service.emulator.url
        return self.service

    @property
    def service(self) -> Service:
        """The one that serves this author."""
        assert self._service, "studio.serve() comes first"
        return self._service

    def close(self) -> None:
        if self._service:
            self._service.close()

    def write(self, text: str, name: str = "film.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def scenes(self, *prompts: str, name: str = "film.yaml", more: str = "") -> Path:
        """A storyboard of scenes s1, s2, ... with these prompts."""
        lines = "".join(f"  - {{id: s{at}, prompt: {prompt!r}}}\n" for at, prompt in enumerate(prompts, 1))
        return self.write(f"storyboard: 1\nscenes:\n{lines}{more}", name)

    @property
    def settings(self) -> Settings:
        return settings(self.environ)

    def render(self, name: str = "film.yaml", **order: Any) -> events.Done:
        self.seen = []
        agree = order.pop("approve", lambda at, plan: None)
        realm, given = order.pop("realm", None), order.pop("given", None)
        asked = RenderOptions(approve=agree, on_event=self.seen.append, checksum=True, **order)
        try:
            with claimed_workspace(self.folder / name, self.settings, realm, given=given) as workspace:
                return done_event(render(workspace, asked))
        finally:
            CANARY.look(repr(self.seen), "events")

    def process(self, *arguments: str) -> subprocess.Popen[str]:
        """A command at the author's prompt, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "storyboard", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def freed(*claims: Path) -> None:
    """Wait until nobody holds these. Killed while it starts a child, a process leaves it its claims for a moment."""
    for path in claims:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)


def png(path: Path, colour: str = "navy", size: tuple[int, int] = (1280, 720)) -> Path:
    """Write a small picture of one colour."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path
