"""What a provider can generate, as data. Storyboards are checked against it before anything is paid for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from storyboard.model.storyboard import Resolution
from storyboard.model.text import format_seconds


@dataclass(frozen=True, slots=True)
class Auth:
    """How a service is given the key: ``header`` carries ``prefix`` and the key; "" sends none, and needs no key.

    ``command`` prints the key, a token that expires: it is run again when the service does not accept it.
    """

    header: str = "Authorization"
    prefix: str = "Bearer "
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """How the user configures a service: names of environment variables, and its ``usual_url``.

    ``keyring`` is the name of the key's entry in the system's keyring; ``vendor_key`` the vendor's own variable for the
    key, "" if there is none. ``auth`` says how the key is sent.
    """

    key: str
    key_file: str
    base_url: str
    usual_url: str
    keyring: str
    vendor_key: str = ""
    auth: Auth = Auth()


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of clips that a model offers, in seconds: ``choices``, or from ``least`` to ``most`` by ``step``.

    Without any there is nothing to choose. ``step`` 0 takes every length between the two.
    """

    choices: tuple[Fraction, ...] = ()
    least: Fraction = Fraction(0)
    most: Fraction = Fraction(0)
    step: Fraction = Fraction(1)

    def __bool__(self) -> bool:
        return bool(self.choices or self.most)

    def __str__(self) -> str:
        if self.choices:
            return f"{', '.join(map(format_seconds, self.choices))} s"
        step = f" in steps of {format_seconds(self.step)} s" if self.step not in (0, 1) else ""
        whole = "whole seconds" if self.step == 1 and self.least.denominator == 1 else "lengths"
        return f"{whole} from {format_seconds(self.least)} to {format_seconds(self.most)} s{step}"

    def __contains__(self, seconds: Fraction) -> bool:
        if self.choices:
            return seconds in self.choices
        return self.least <= seconds <= self.most and (not self.step or (seconds - self.least) % self.step == 0)


@dataclass(frozen=True, slots=True)
class ModelRule:
    """What a model offers only together: when a scene has all of ``when``, then ``only`` these values.

    Names are those of a scene: "aspect", "resolution", "seconds", "sound", "seed", and the images "first_frame",
    "last_frame", "references", whose values are True and False. ``because`` is a sentence for the author.
    """

    when: Mapping[str, object]
    only: Mapping[str, tuple[object, ...]]
    because: str


# How a provider takes images: by an address that it fetches, as bytes in the request, or by the name that its own
# upload gives.
ImageForm = Literal["address", "bytes", "upload"]
Sound = Literal["always", "never", "switch"]


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

    ``lengths`` are those that a scene may choose, ``seconds`` is the usual one; ``seeds`` None: it takes none.
    ``first_frame`` and ``last_frame``: whether it takes them. ``images`` is how; ``web_images``: also as the address
    that the author wrote. ``sound``: whether clips have it, or a scene chooses. ``options`` are further keys of a scene
    that it knows. After the day ``ends`` the service does not offer it; ``successor`` is the name of the next one.
    ``rate`` is the frames a second of its clips. ``definition`` is a digest of what the user defined the model by,
    which is a part of each shot's key; None where its name alone says what it is. ``prompt_tags`` are names of tags
    that a prompt may have for it, without their angle brackets.
    """

    name: str
    aspects: tuple[str, ...]
    seconds: int
    resolutions: tuple[Quality, ...]
    seeds: tuple[int, int] | None
    prompt_limit: int
    references: int = 0
    reference_aspects: tuple[str, ...] = ()
    upgrade_aspects: tuple[str, ...] = ()
    lengths: Lengths = Lengths()
    first_frame: bool = True
    last_frame: bool = True
    images: ImageForm = "address"
    web_images: bool = True
    sound: Sound = "always"
    options: frozenset[str] = frozenset({"translate", "watermark"})
    rules: tuple[ModelRule, ...] = ()
    ends: date | None = None
    successor: str = ""
    rate: int = 24
    definition: str | None = None
    prompt_tags: frozenset[str] = frozenset()

    def quality(self, resolution: str) -> Quality:
        """Return the resolution of this name; the default one for a name that the model does not have."""
        return next((known for known in self.resolutions if known.name == resolution), self.resolutions[0])

    def upgrades(self, resolution: str) -> bool:
        """Whether this resolution is made from a finished job, and paid for separately."""
        return self.quality(resolution).upgrade

    def length(self, seconds: Fraction | None) -> Fraction:
        """Return how long a clip is, in seconds: as a scene chose it, or the usual length."""
        return Fraction(self.seconds) if seconds is None else seconds

    def has_sound(self, chosen: bool | None) -> bool:
        """Return whether a clip has sound: as a scene chose, or as all clips of the model."""
        return self.sound != "never" if chosen is None else chosen

    @property
    def requested_resolutions(self) -> tuple[str, ...]:
        """The resolutions that are requested at once: not the upgrades."""
        return tuple(quality.name for quality in self.resolutions if not quality.upgrade)

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
