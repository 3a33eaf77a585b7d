"""Ask the configured service whether the models that the user configured can be used there. Costs nothing."""

from storyboard.config.credentials import service_endpoint
from storyboard.config.settings import Settings
from storyboard.generation.provider_calls import service_inspection
from storyboard.http.client import Client
from storyboard.model.problem import Place, Problem
from storyboard.providers.base import Inspection, Inspector
from storyboard.system import signals
from storyboard.system.clock import Clock
from storyboard.workflow.offers import provider_of


def inspect_service(settings: Settings) -> Inspection | None:
    """Return what the service says; None where the provider has nothing to ask. Raise StoryboardError."""
    provider = provider_of(settings, settings.service_realm)
    if not isinstance(provider, Inspector):
        return None

    async def ask() -> Inspection | None:
        async with Client(service_endpoint(settings), Clock(settings.time_scale), provider.answers) as client:
            return await service_inspection(provider, client)

    return signals.run(ask)


def service_problems(settings: Settings) -> tuple[Problem, ...]:
    """Return the problems that the service sees in what config.toml says of it. Raise StoryboardError."""
    found, place = inspect_service(settings), Place(str(settings.file), 1, 1)
    if found is None:
        return ()
    path = f"providers.{settings.provider}"
    problems = [Problem(place, path, said, found.problem_hint) for said in found.problems]
    return (*problems, *(Problem(place, path, said, severity="warning") for said in found.notes))
