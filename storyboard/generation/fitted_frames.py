"""Images that are brought into the shape of their scene before they are uploaded."""

import asyncio
import hashlib
from dataclasses import replace

from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.media.images import look
from storyboard.model.errors import BadMedia, InputError, SceneFailed
from storyboard.model.storyboard import FrameFit, Image, LocalImage
from storyboard.model.text import one_line


async def fit_frame(
    services: RunServices, state: RunState, image: Image, content: bytes, fit: FrameFit | None
) -> tuple[Image, bytes]:
    """Return an image and its bytes as they are sent: in the shape of ``fit``, if it has one. Raise SceneFailed."""
    if fit is None or not isinstance(image, LocalImage):
        return image, content
    if hashlib.sha256(content).hexdigest() != image.digest:
        return image, content  # it has changed since the plan was made: the upload says so
    try:
        async with state.checks:
            made = await asyncio.to_thread(services.fit_image, content, fit)
        facts = look(made)
    except (BadMedia, InputError) as error:
        raise SceneFailed(f"{one_line(str(image.path))} cannot be {fit}: {error.message}", error.hint) from error
    name = image.path.with_name(f"{image.path.stem}-{fit.how}.png")
    digest = hashlib.sha256(made).hexdigest()
    fitted = replace(
        image, path=name, digest=digest, bytes=len(made), width=facts.width, height=facts.height, kind="png", fit=None
    )
    state.fitted[image.digest, fit] = fitted
    return fitted, made
