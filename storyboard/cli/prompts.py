"""storyboard prompts: the prompts and requests exactly as they would be sent. Pays nothing, needs no key."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import json_option, locate_storyboard, pairs, var_option
from storyboard.model.text import one_line, to_json

if TYPE_CHECKING:
    from storyboard.model.model_catalogue import Catalogue
    from storyboard.model.shot import ShotImage
    from storyboard.model.storyboard import Scene, Storyboard
    from storyboard.providers.base import Provider


# Stands for the secret that each submission has in the address where it is called back.
_NONCE = "NONCE"
# Stands for our own name of a job, which each submission has.
_JOB = "00000000-0000-0000-0000-000000000000"


@click.command
@click.argument("file", required=False, metavar="[FILE]")
@click.argument("scenes", nargs=-1, metavar="[SCENE]...")
@var_option
@json_option
def command(file: str | None, scenes: tuple[str, ...], given: tuple[str, ...], as_json: bool) -> None:
    """Print the request of each scene, or of the SCENEs named, as `render` sends it, and what differs in further takes.

    A local image stands as its path, and the secret in a callback's address as NONCE: both are made when it is sent.
    """
    from storyboard.config.settings import settings
    from storyboard.model.callback_settings import callback_address
    from storyboard.parsing.read import read_storyboard
    from storyboard.workflow.offers import configured_catalogue, provider_of
    from storyboard.workflow.source_files import Project

    path, known = locate_storyboard(file), settings()
    callback = callback_address(known.callbacks.url, _NONCE) if known.callbacks.url else None
    catalogue = configured_catalogue(known)
    storyboard = read_storyboard(path.name, Project(path.parent), catalogue, pairs(given), shown=file or path.name)

    def provider(name: str) -> "Provider":
        own = known.for_provider(name)
        return provider_of(own, own.service_realm)

    chosen = _chosen(storyboard, scenes)
    asked = [(scene, _request(scene, provider, callback), _seeds(scene, catalogue)) for scene in chosen]
    if as_json:
        click.echo(to_json({"scenes": [_document(*each) for each in asked]}))
        return
    for index, (scene, request, seeds) in enumerate(asked):
        click.echo("\n" * bool(index) + scene.id)
        for name, value in (request or _own(scene)).items():
            click.echo(f"  {name:<18}{_text(value)}")
        if len(seeds) > 1:
            click.echo(_further_takes(seeds))


def _chosen(storyboard: "Storyboard", names: tuple[str, ...]) -> "list[Scene]":
    """The named scenes in the film's order; all of them if none is named. Raise InputError."""
    from storyboard.model.errors import InputError
    from storyboard.model.suggest import did_you_mean

    known = [scene.id for scene in storyboard.scenes]
    for name in names:
        if name in storyboard.skipped:
            raise InputError(f"the scene '{name}' is skipped, so nothing is sent for it", "remove its 'skip'")
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known[:20])}"
            raise InputError(f"there is no scene '{one_line(name, 80)}'", hint)
    return [scene for scene in storyboard.scenes if not names or scene.id in names]


def _request(scene: "Scene", provider: "Callable[[str], Provider]", callback: str | None) -> dict[str, object] | None:
    from storyboard.model.shot import shot
    from storyboard.model.storyboard import Generated
    from storyboard.providers.base import Dispatch, sent_images

    if not isinstance(scene.source, Generated):
        return None
    wanted = shot(scene.source, scene.source.provider)
    images = sent_images(wanted, [_address(image) for image in wanted.images])
    return dict(provider(wanted.provider).request(wanted, images, Dispatch(_JOB, callback)))


def _seeds(scene: "Scene", catalogue: "Catalogue") -> list[int | None]:
    """The seed of each take of a scene, None where none is sent; [] where nothing is."""
    from storyboard.model.scene_shots import nth_shot
    from storyboard.model.shot import shot
    from storyboard.model.storyboard import Generated

    if not isinstance(scene.source, Generated):
        return []
    first = shot(scene.source, scene.source.provider)
    takes = range(1, scene.source.takes + 1)
    return [nth_shot(first, number, catalogue).seed for number in takes]


def _further_takes(seeds: Sequence[int | None]) -> str:
    """What differs in the takes behind the first."""
    last, others = len(seeds), [str(seed) for seed in seeds[1:] if seed is not None]
    which = "take 2" if last == 2 else f"takes 2 to {last}"
    differs = f"with seed {', '.join(others)}" if others else "without a seed"
    return f"  {which:<18}the same, {differs}"


def _address(image: "ShotImage") -> str:
    from storyboard.model.storyboard import LocalImage, WebImage

    if isinstance(image, WebImage):
        return image.url
    if not isinstance(image, LocalImage):
        return str(image)
    return f"{image.path}, {image.fit}" if image.fit else str(image.path)


def _own(scene: "Scene") -> dict[str, object]:
    from storyboard.model.storyboard import Generated, OwnClip, described_source

    assert not isinstance(scene.source, Generated)
    kind, said = ("file", "clip") if isinstance(scene.source, OwnClip) else ("still", "picture")
    return {kind: f"{described_source(scene.source)}: your own {said}, nothing is sent"}


def _document(scene: "Scene", request: dict[str, object] | None, seeds: Sequence[int | None]) -> dict[str, object]:
    return {"scene": scene.id, "request": request, **({"seeds": seeds} if seeds else {})}


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, str):
        return ("\n" + " " * 20).join(one_line(line, 10_000) for line in value.splitlines())
    return json.dumps(value)
