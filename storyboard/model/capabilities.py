"""What a provider can generate, as data. Storyboards are checked against it before anything is paid for."""

from dataclasses import dataclass

from storyboard.model.storyboard import Resolution


@dataclass(frozen=True, slots=True)
class Environment:
    """How the user configures a service: names of environment variables, and its ``usual_url``.

    ``keyring`` is the name of the key's entry in the system's keyring.
    """

    key: str
    key_file: str
    base_url: str
    usual_url: str
    keyring: str


@dataclass(frozen=True, slots=True)
class Quality:
    """One resolution of a model, by its ``name``; ``size`` is its picture in pixels, the longer side first.

    An ``upgrade`` is made from a finished job and paid for separately; any other resolution is requested at once.
    """

    name: Resolution
    size: tuple[int, int]
    upgrade: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One model, and what a scene that uses it may ask for.

    ``resolutions`` are in order, and the first is the default. ``seconds`` is how long a clip is, ``seeds`` an
    inclusive range; ``prompt_limit`` counts characters of the rendered prompt; ``references`` is the largest number of
    reference images. ``reference_aspects`` and ``upgrade_aspects`` say in which shapes these exist at all.
    """

    name: str
    aspects: tuple[str, ...]
    seconds: int
    resolutions: tuple[Quality, ...]
    seeds: tuple[int, int]
    prompt_limit: int
    references: int = 0
    reference_aspects: tuple[str, ...] = ()
    upgrade_aspects: tuple[str, ...] = ()

    def quality(self, resolution: str) -> Quality:
        """Return the resolution of this name; the default one for a name that the model does not have."""
        return next((known for known in self.resolutions if known.name == resolution), self.resolutions[0])

    def upgrades(self, resolution: str) -> bool:
        """Whether this resolution is made from a finished job, and paid for separately."""
        return self.quality(resolution).upgrade

    def base(self, resolution: str) -> str:
        """Return the resolution to request first: for an upgrade the default one, else this one."""
        return self.resolutions[0].name if self.upgrades(resolution) else resolution


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The models of one provider; ``usual`` is the name of the one for scenes that name none.

    ``job_days`` is for how many days the provider keeps a job and its clip; None where that is not known.
    """

    models: tuple[Model, ...]
    usual: str
    job_days: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.models)

    @property
    def referring(self) -> tuple[Model, ...]:
        """The models that take reference images."""
        return tuple(model for model in self.models if model.references)

    def model(self, name: str) -> Model:
        """Return the model of this name; the usual one for a name that the provider does not have."""
        known = {model.name: model for model in self.models}
        return known.get(name, known[self.usual])
