"""House: one author with a home and a project, a service that sells, and what must hold whatever became of a render."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from studio import freed, png

from storyboard.model.lock import Lock
from storyboard.model.submission import Submission
from storyboard.model.take import TakeId
from storyboard.parsing.yaml import load
from storyboard.state.ledger import Ledger
from storyboard.state.lockfile import parse_lock
from storyboard.system.claims import is_locked

HERE = Path(__file__).resolve().parent
_COMFY = HERE.parents[1] / "examples" / "comfy"
_LONG_AGO = 1_700_000_000.0
RENDER = ("render", "film.yaml", "--yes", "--json")


class Partner:
    """A process that answers each line with a line of JSON. ``folder`` is for its temporary files."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder)},
            text=True,
            bufsize=1,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, "the process has ended"
        return said

    def ask(self, line: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


class Seller(Partner):
    """The service as a process of its own."""

    def __init__(self, folder: Path, *faults: str, **behaviour: object) -> None:
        super().__init__(folder, str(HERE / "seller.py"), json.dumps({"faults": faults, **behaviour}))
        self.url = self.line().strip()

    def sold(self, beginning: str) -> Mapping[str, Any]:
        """What was sold under the prompts that begin so."""
        found: Mapping[str, Any] = self.ask(beginning)
        return found

    @property
    def asked(self) -> int:
        """How many requests came that may begin a job."""
        return int(self.ask("asked"))


@dataclass(frozen=True, slots=True)
class Film:
    """A storyboard to be rendered: ``text`` has ``{tag}`` in each prompt, ``words`` go to the command.

    ``lost`` are the scenes whose answers the service loses, ``refused`` those that it refuses, ``twins`` two that ask
    for the same shot; ``picture`` is whether a local image belongs to it; ``takes`` counts those of a scene;
    ``retakes`` counts them where ``retake`` buys all but the first, one after another;
    ``after`` names the scene whose frame a scene begins with; ``found`` are the scenes whose service finds a job again
    by our name of it.
    """

    text: str
    words: tuple[str, ...] = ("--no-cut",)
    lost: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    picture: bool = False
    takes: Mapping[str, int] = field(default_factory=dict)
    retakes: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    found: tuple[str, ...] = ()


def name_of(entry: Submission) -> str:
    """What the seller calls it: its prompt, and the seed if one was given."""
    seed = entry.recipe.get("seed")
    return str(entry.recipe["prompt"]) + ("" if seed is None else f" {seed}")


def film(*scenes: str, **more: Any) -> Film:
    """A film of these scenes, each written as YAML has it between braces."""
    return Film("storyboard: 1\nscenes:\n" + "".join(f"  - {{{scene}}}\n" for scene in scenes), **more)


BIRDS = ("id: one, prompt: '{tag} a gull'", "id: two, prompt: '{tag} a tern'", "id: three, prompt: '{tag} a heron'")


@dataclass(slots=True)
class Home:
    """One author's folder: ``project``, and a store that nobody else has. ``tag`` begins the author's prompts.

    ``others`` are a ComfyUI and a Gemini beside the usual service, by their names, if the film is one of three.
    """

    root: Path
    tag: str
    film: Film
    seller: Seller
    others: Mapping[str, Seller] = field(default_factory=dict)
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.project.mkdir(parents=True, exist_ok=True)
        (self.project / "film.yaml").write_text(self.film.text.replace("{tag}", self.tag))
        if self.film.picture:
            png(self.project / "frame.png", size=(64, 36))
        self.environ = {
            "APIKLEY_BASE_URL": self.seller.url,
            "APIKLEY_API_KEY": "rehearsal",
            "STORYBOARD_HOME": str(self.root / "store"),
            "STORYBOARD_TIME_SCALE": "0.0002",
            "STORYBOARD_UPLOADS": "provider",
            "XDG_CONFIG_HOME": str(self.root / "config"),
            "XDG_CACHE_HOME": str(self.root / "cache"),
            "TMPDIR": str(self.root / "tmp"),
        }
        (self.root / "tmp").mkdir(exist_ok=True)
        if self.others:
            self._configure()

    def _configure(self) -> None:
        """Have the other services be there, and their addresses and keys."""
        self.environ |= {f"{name.upper()}_BASE_URL": other.url for name, other in self.others.items()}
        self.environ["STORYBOARD_KEY_GEMINI"] = "rehearsal"
        folder = self.root / "config" / "storyboard"
        shutil.copytree(_COMFY, folder, dirs_exist_ok=True)
        file = folder / "config.toml"
        file.write_text((_COMFY / file.name).read_text().replace('provider = "comfy"\n', "") + "[providers.gemini]\n")

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def realm(self) -> Path:
        return self.root / "store" / "rehearsals"

    @property
    def realms(self) -> tuple[Path, ...]:
        """The realm of the film, and that in which the takes of an engine of one's own are made."""
        return (self.realm, self.root / "store") if self.others else (self.realm,)

    @property
    def sellers(self) -> Mapping[str, Seller]:
        """Each service of the film, by its provider."""
        return {"apikley": self.seller, **self.others}

    def sold(self) -> Mapping[str, Any]:
        """What was sold to this author, by whichever service."""
        return {prompt: of for seller in self.sellers.values() for prompt, of in seller.sold(self.tag).items()}

    def order(self, kill: int = 0, **more: object) -> dict[str, object]:
        """What the forks are asked for: one render, killed at the point ``kill``."""
        words = [*RENDER, *self.film.words]
        return {"folder": str(self.project), "environ": self.environ, "words": words, "kill": kill, **more}

    @property
    def entries(self) -> list[Submission]:
        found: list[Submission] = []
        for realm in self.realms:
            with closing(Ledger(realm / "ledger.db")) as ledger:
                found += ledger.submissions.all()
        return found

    @property
    def lock(self) -> Lock:
        file = self.project / "film.lock.yaml"
        return parse_lock(load(file.read_bytes(), file.name), file.name) if file.exists() else Lock()

    def unknown(self) -> set[str]:
        """The scenes of which nobody knows whether they were paid for."""
        found = {entry.scene for entry in self.entries if entry.state in ("unknown", "intent")}
        return found | set(self.film.twins if found & set(self.film.twins) else ())

    def waiting(self) -> set[str]:
        """The scenes that have nothing to begin with, because it is unknown what became of another one."""
        found = self.unknown()
        while more := {scene for scene, source in self.film.after.items() if source in found} - found:
            found |= more
        return found

    def broken(self) -> list[str]:
        """Which promises do not hold. Asked once no render is at work, the last of which was let run to its end."""
        sold, entries = self.sold(), self.entries
        known = {entry.job: entry for entry in entries if entry.job}
        names = {name_of(entry): entry for entry in entries}
        found = self.charged_twice()
        for prompt, of in sold.items():
            for job in of["jobs"]:
                failed = job in known and known[job].state == "failed" and job not in of["charged"]
                if job in known and known[job].state != "taken" and not failed:
                    found.append(f"{prompt!r} is paid for, and its job is {known[job].state}")
            entry = names.get(prompt)
            if entry is None:
                found.append(f"{prompt!r} was charged, and the ledger has never heard of it")
            elif entry.job is None and entry.state not in ("unknown", "intent"):
                found.append(f"{prompt!r} was charged, and the ledger says {entry.state}")
        found += self.wrong_bytes(sold)
        lacking = self.scenes - set(self.lock.scenes) - self.waiting() - set(self.film.refused)
        found += [f"{scene} has no take" for scene in sorted(lacking)]
        found += self.lacking_takes()
        found += [f"{path} is left over" for path in self.leftovers()]
        return found

    def charged_twice(self) -> list[str]:
        """The prompts charged for twice, where the service did not say itself that the first job had failed."""
        over = {entry.job for entry in self.entries if entry.state == "failed"}
        sold = self.sold()
        kept = {prompt: [job for job in of["charged"] if job not in over] for prompt, of in sold.items()}
        return [f"{prompt!r} was charged for {jobs}" for prompt, jobs in kept.items() if len(jobs) > 1]

    def wrong_bytes(self, sold: Mapping[str, Any]) -> list[str]:
        """Takes that are not what they are called, and scenes that have what was sold for another, or nothing."""
        entries = {entry.key: entry for entry in self.entries}
        store, frames = (
            {path.stem for path in self.realm.glob(kind)} for kind in ("takes/??/*.mp4", "frames/??/*.png")
        )
        files = [
            (path.stem, _sha256(path))
            for path in self._in_realms("takes/??/*.mp4") + self._in_realms("frames/??/*.png")
        ]
        found = [f"{name} in the store has the bytes of {digest}" for name, digest in files if name != digest]
        for scene, pinned in self.lock.scenes.items():
            for number, take in ((n, take) for n, versions in pinned.takes.items() for take in versions.values()):
                if (take.first_frame is not None) != (scene in self.film.after):
                    found.append(f"the lock says of {scene} that it began with {take.first_frame}")
                if take.first_frame and take.first_frame not in frames:
                    found.append(f"the frame that {scene} began with is not in the store")
                if take.digest not in store:
                    found.append(f"the lock gives {scene} a take that is not in the store")
                if take.digest not in sold[name_of(entries[pinned.all_keys[number]])]["sha256"]:
                    found.append(f"the lock gives {scene} the take of another scene")
        return found

    def lacking_takes(self) -> list[str]:
        """The takes of scenes that the lock does not pin, although they are known."""
        unknown = {entry.take for entry in self.entries if entry.state in ("unknown", "intent")}
        settled = {scene: count for scene, count in self.film.retakes.items() if scene not in self.unknown()}
        counts = {**self.film.takes, **settled}
        wanted = {TakeId(scene, number) for scene, count in counts.items() for number in range(1, count + 1)}
        there = {TakeId(scene, number) for scene, pinned in self.lock.scenes.items() for number in pinned.takes}
        return [f"{take} is not in the lock" for take in sorted(wanted - there - unknown)]

    @property
    def scenes(self) -> set[str]:
        document = load((self.project / "film.yaml").read_bytes(), "film.yaml")
        assert isinstance(document, Mapping)
        return {scene["id"] for scene in document["scenes"]}

    def leftovers(self) -> list[Path]:
        """Files half written by renders that are dead."""
        scratch = self.project / ".storyboard"
        hidden = [path for path in self.project.rglob(".*") if path != scratch and path.parent != scratch]
        aged = [path for path in self._in_realms("runs/*") if path.stat().st_mtime == _LONG_AGO]
        left = [*self._in_realms("takes/arriving/*"), *self._in_realms("takes/damaged/*")]
        return [*hidden, *aged, *left, *self._in_realms("frames/*/.*")]

    def _in_realms(self, pattern: str) -> list[Path]:
        return [path for realm in self.realms for path in realm.glob(pattern)]

    def age(self) -> None:
        """Have the claims of the renders so far be old: what is young may be about to be held, and stays."""
        for path in self._in_realms("runs/*"):
            os.utime(path, (_LONG_AGO, _LONG_AGO))

    def called_back(self) -> None:
        """Have the renders of this author ask to be called back."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.environ["STORYBOARD_CALLBACK_URL"] = f"http://127.0.0.1:{port}"
        self.environ["STORYBOARD_CALLBACK_LISTEN"] = f"127.0.0.1:{port}"

    def charged_unknown(self) -> set[str]:
        """The prompts that were charged for, and nobody but the service knows it."""
        unknown = {name_of(entry) for entry in self.entries if entry.state in ("unknown", "intent")}
        return unknown & set(self.sold())

    def process(self, *under: str) -> "subprocess.Popen[str]":
        """The real `storyboard render` of this author as a process of its own, started by the command ``under``."""
        return subprocess.Popen(
            [*under, sys.executable, "-m", "storyboard", *RENDER, *self.film.words],
            cwd=self.project,
            env={**os.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=(self.root / "stderr").open("a"),
            text=True,
        )

    @property
    def said(self) -> str:
        """What the renders have said of errors."""
        return (self.root / "stderr").read_text()

    def at_work(self) -> list[Path]:
        return [path for path in self._in_realms("runs/*") if is_locked(path)]

    def freed(self) -> None:
        """Wait until the last that a killed render has started holds nothing of it."""
        freed(*self.project.glob(".storyboard/*.claim"), *self._in_realms("runs/*"))

    def copied(self, name: str) -> "Home":
        """The same author in another place, with all that was bought."""
        root = self.root.with_name(name)
        shutil.copytree(self.root, root)
        return replace(self, root=root)

    def cut(self) -> str:
        """The SHA-256 of the film, "" where there is none."""
        film = self.project / "out" / "film.mp4"
        return _sha256(film) if film.exists() else ""

    def remove(self) -> None:
        shutil.rmtree(self.root)


# Makes a home of this name, and tells a figure.
Builder = Callable[[str, Film], Home]
Tell = Callable[[str, object], None]


class Forks(Partner):
    """The process that forks renders."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, str(HERE / "forks.py"))

    def render(self, home: Home, kill: int = 0, **more: object) -> dict[str, Any]:
        """What became of one render."""
        (ended,) = self.together([home.order(kill, **more)])
        return ended

    @contextmanager
    def listening(self, home: Home) -> Iterator[None]:
        """`storyboard callbacks` of this author, in a process that outlives the renders."""
        (ear,) = self.together([home.order(words=["callbacks"], stay=True)])
        try:
            yield
        finally:
            os.kill(ear["pid"], signal.SIGKILL)

    def together(self, orders: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        """What became of several that begin at one moment."""
        ended: list[dict[str, Any]] = self.ask(json.dumps(orders))
        for one in ended:
            assert "fault" not in one, one["fault"]
        return ended


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
