"""Events as JSON documents, one a line."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from storyboard.cli.events_text import Report
from storyboard.costs.price_book import PriceBook
from storyboard.model import events
from storyboard.model.text import json_number, to_json


def as_json(write: Callable[[str], None], prices: PriceBook, now: Callable[[], float] = time.time) -> Report:
    """Write one JSON document per line (schema events.schema.json). ``prices`` say which credits are the default."""

    def report(event: events.Event) -> None:
        fields = _fields(event, prices)
        if fields:
            at = datetime.fromtimestamp(now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            write(to_json({"event": fields.pop("event"), "at": at, **fields}, indent=None))

    return report


def _fields(event: events.Event, prices: PriceBook) -> dict[str, object]:
    match event:
        case events.Planned(make, collect, keep, blocked, cost, price, currency, _, _, at_most):
            totals = {
                "make": make,
                "collect": collect,
                "keep": keep,
                "blocked": blocked,
                **prices.document(cost),
                "at_most": prices.document(at_most)["credits"],
            }
            return {
                "event": "planned",
                **totals,
                "money": None if price is None else json_number(price),
                "currency": currency,
            }
        case events.Submitted(scene, take, job):
            return {"event": "submitted", "scene": scene, "take": take, "job": job}
        case events.Waiting(scene, take, job, place):
            queued = {} if place is None else {"place": place}
            return {"event": "waiting", "scene": scene, "take": take, "job": job, **queued}
        case events.Fetched(scene, take, size):
            return {"event": "fetched", "scene": scene, "take": take, "bytes": size}
        case events.Finished(scene, take, digest):
            return {"event": "finished", "scene": scene, "take": take, "sha256": digest}
        case events.Failed(scene, take, code, why, hint):
            return {"event": "failed", "scene": scene, "take": take, "code": code, "why": why, "hint": hint}
        case events.Unknown(scene, take, why, hint):
            return {"event": "unknown", "scene": scene, "take": take, "why": why, "hint": hint}
        case events.Owed(scene, job, end, why, is_original):
            return {"event": "owed", "scene": scene, "job": job, "original": is_original, "end": end, "why": why}
        case events.Warned(scene, why, remarks):
            told = [remark.document() for remark in remarks]
            return {"event": "warning", "scene": scene, "why": why, **({"remarks": told} if told else {})}
        case events.Cutting(0, frames):
            return {"event": "cutting", "frames": frames}
        case events.Done():
            return {"event": "done", **as_document(event, prices)}
    return {}


def as_document(event: events.Done, prices: PriceBook) -> dict[str, object]:
    """Return the end of a render as JSON."""
    return {
        "film": event.film or None,
        "sha256": event.sha256 or None,
        "frames": event.frames,
        "seconds": json_number(event.seconds),
        "size": f"{event.size[0]}x{event.size[1]}" if event.size else None,
        "made": event.made,
        "kept": event.kept,
        "failed": event.failed,
        "unknown": event.unknown,
        **prices.document(event.cost),
        "exit": event.exit,
    }
