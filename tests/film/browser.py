"""A browser as people have it: Chromium without a window, which plays films from this machine and says what it saw."""

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Everything waits for an answer; this is only how long a browser that has hung is waited for.
PATIENCE = 60.0

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync"),
    *("--autoplay-policy=no-user-gesture-required", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
)

# One film at a time, in an element of its own. A frame is asked for in its middle; its colours are read at points given
# as parts of the picture. While the film plays, each frame that is shown is read too, with the time that it has.
PAGE = """<!doctype html><script>
const canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext('2d', {willReadFrequently: true})
function colours(video, points) {
  canvas.width = video.videoWidth; canvas.height = video.videoHeight
  pen.drawImage(video, 0, 0)
  return points.map(([x, y]) => [...pen.getImageData(x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3)])
}
async function look({film, times, points, rate, fps}) {
  const video = document.createElement('video'), found = {film, seen: [], shown: []}
  const until = name => new Promise((done, failed) => {
    video.addEventListener(name, done, {once: true})
    const why = () => failed(Error(video.error.message || `error ${video.error.code}`))
    video.addEventListener('error', why, {once: true})
  })
  const sought = time => {
    const there = until('seeked')
    video.currentTime = time
    return there
  }
  try {
    const loaded = until('loadeddata')
    video.muted = true; video.preload = 'auto'; video.src = film; document.body.append(video)
    await loaded
    Object.assign(found, {seconds: video.duration, size: [video.videoWidth, video.videoHeight]})
    for (const time of times) {
      const there = new Promise(done => {
        const each = (now, frame) =>
          Math.abs(frame.mediaTime - time) * fps < 0.6 ? done() : video.requestVideoFrameCallback(each)
        video.requestVideoFrameCallback(each)
      })
      await sought(time)
      await there
      found.seen.push(colours(video, points))
    }
    if (rate) {
      await sought(0)
      const each = (now, frame) => {
        found.shown.push([frame.mediaTime, colours(video, points)])
        video.requestVideoFrameCallback(each)
      }
      video.requestVideoFrameCallback(each)
      const ended = until('ended')
      video.playbackRate = rate
      await video.play()
      await ended
      found.ended = video.currentTime
    }
    const heard = await new OfflineAudioContext(2, 1, 48000).decodeAudioData(await (await fetch(film)).arrayBuffer())
    const sound = heard.getChannelData(0)
    found.samples = heard.length; found.clicks = []
    for (let at = 0, last = -1e9; at < sound.length; at++) if (Math.abs(sound[at]) > 0.2) {
      if (at - last > 2000) found.clicks.push(at / 48000)
      last = at
    }
  } catch (error) { found.error = `${error.name}: ${error.message}` }
  video.removeAttribute('src'); video.load(); video.remove()
  return found
}
const line = new WebSocket(`ws://${location.host}/line`)
line.onmessage = async message => line.send(JSON.stringify(await look(JSON.parse(message.data))))
</script>"""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Viewed:
    """What a browser showed. ``seen`` are the colours at each point of each frame that was asked for; ``shown`` those
    of every frame that came while it played, with its number; ``samples`` and ``clicks`` (seconds) are its sound."""

    error: str
    seconds: float
    size: tuple[int, int]
    seen: list[list[Colour]]
    shown: list[tuple[float, list[Colour]]]
    ended: float | None
    samples: int
    clicks: list[float]


class Browser:
    """One Chromium, and the server that it gets its films from, in a thread of their own."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self._films: dict[str, Path] = {}
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._open())

    def look(
        self,
        film: Path,
        frames: Sequence[int],
        *,
        fps: int = 24,
        points: Sequence[tuple[float, float]] = ((0.5, 0.5),),
        rate: int = 0,
    ) -> Viewed:
        """Show single frames of a film, in that order, and play it all at ``rate`` times its pace, where asked to."""
        name = f"/films/{len(self._films)}"
        self._films[name] = film
        times = [(frame + 0.5) / fps for frame in frames]
        said = self._call(self._ask({"film": name, "times": times, "points": list(points), "rate": rate, "fps": fps}))
        return Viewed(
            said.get("error", ""),
            said.get("seconds", 0),
            tuple(said.get("size", (0, 0))),
            [[tuple(colour) for colour in colours] for colours in said["seen"]],
            [(time * fps, [tuple(colour) for colour in colours]) for time, colours in said["shown"]],
            said.get("ended"),
            said.get("samples", 0),
            said.get("clicks", []),
        )

    def close(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, what: Any) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(asyncio.wait_for(what, PATIENCE), self._loop).result()
        except TimeoutError:
            raise AssertionError(f"the browser has not answered for {PATIENCE:.0f} s: a frame never came") from None

    async def _open(self) -> None:
        assert PROGRAM
        self._line: asyncio.Future[web.WebSocketResponse] = self._loop.create_future()
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/line", self._listen)
        app.router.add_get("/films/{number}", self._film)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        where = ("--user-data-dir=" + str(self._profile), f"http://127.0.0.1:{port}/")
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM, *FLAGS, *where, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
        ended = asyncio.ensure_future(self._process.wait())
        await asyncio.wait({self._line, ended}, return_when=asyncio.FIRST_COMPLETED)
        assert self._line.done(), f"{PROGRAM} ended by itself: status {ended.result()}"

    async def _close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._runner.cleanup()

    async def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        line = await self._line
        self._answers[what["film"]] = answer = self._loop.create_future()
        await line.send_json(what)
        return await answer

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        line = web.WebSocketResponse(max_msg_size=1 << 26)
        await line.prepare(request)
        self._line.set_result(line)
        async for message in line:
            assert message.type is WSMsgType.TEXT
            said = message.json()
            self._finish(said["film"], lambda answer, said=said: answer.set_result(said))
        for film in self._answers:
            self._finish(film, lambda answer: answer.set_exception(AssertionError("the browser has gone")))
        return line

    def _finish(self, film: str, how: Callable[[asyncio.Future[dict[str, Any]]], None]) -> None:
        if not self._answers[film].done():
            how(self._answers[film])

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _film(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(self._films[request.path], headers={"Content-Type": "video/mp4"})
