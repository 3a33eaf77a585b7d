"""A provider that a declaration makes: requests by its templates, replies read by its pointers."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.http.exchange import Part, Rejection, Reply, Request
from storyboard.http.messages import Answers, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, Call
from storyboard.model.capabilities import Capabilities, Environment
from storyboard.model.shot import Shot
from storyboard.model.text import format_seconds
from storyboard.providers.base import AskNext, Dispatch, JobState, NoResult, Provider, SentImage
from storyboard.providers.declared.declaration import Declaration, DeclaredModel, DeclaredRequest, ImageRole
from storyboard.providers.declared.placeholders import fill, fill_path, fill_query
from storyboard.providers.declared.pointers import amount, str_of
from storyboard.providers.declared.reply_reader import ReplyReader, clip_address, job_at, refusal_in
from storyboard.providers.declared.tariffs import declared_prices


class Declared:
    """The provider of a declaration: what every declared service has."""

    rehearses = True

    def __init__(self, declaration: Declaration, *, shipped: bool = False) -> None:
        self.declaration = declaration
        self.name = declaration.name
        self.environment = _environment(declaration)
        models = tuple(each.model for each in declaration.models.values())
        self.capabilities = Capabilities(models, declaration.usual, declaration.job_days)
        self.answers = Answers(PLAIN_HTTP, Texts(plain_texts(self.environment)))
        self.prices: Prices = declared_prices(declaration, estimate=shipped)
        self.timing = declaration.timing
        self.hosts = declaration.hosts
        self._reader = ReplyReader(declaration)

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        """The body, or the fields of the form; an image that is sent as a file is spell_path by its name there."""
        return fill(self._model(shot).body(_role(images)), self._values(shot, images, dispatch))

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        known, declared = self._model(shot), self.declaration.submit
        path = {"model": known.id, "path": known.path(_role(images)), "name": dispatch.name}
        query = {**path, "callback": dispatch.callback}
        body = self.request(shot, images, dispatch)
        return Request(
            Call.SUBMIT,
            declared.method,
            fill_path(declared.path, path, self.declaration.job_divides),
            fill_query(declared.query, query),
            declared.headers,
            body=None if self.declaration.form else body,
            form=_form(body, images) if self.declaration.form else (),
            origin=declared.origin,
        )

    def read_submission(self, reply: Reply) -> str | NoResult:
        return self._reader.submission(reply)

    def status(self, job: str) -> Request:
        return self._asking(Call.POLL, self.declaration.look.request, {"job": job})

    def read_status(self, job: str, reply: Reply) -> JobState | NoResult | AskNext[JobState]:
        """A job that is done has its clip in this reply, or in that to a further request."""
        if (state := self._reader.state(job, reply)) is not None:
            return state
        outcome, then = self.declaration.look.outcome, self.declaration.then
        if then is None:
            return self._reader.outcome(outcome, job, [reply])
        declared, further = then
        values = {"job": job, "clip": clip_address(outcome, reply)}
        request = self._asking(Call.POLL, declared, values)
        return AskNext(request, lambda later: self._reader.further(declared, further, job, [reply, later]))

    def _model(self, shot: Shot) -> DeclaredModel:
        return self.declaration.models.get(shot.model) or self.declaration.models[self.declaration.usual]

    def _values(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Mapping[str, object]:
        known = self._model(shot)
        seconds = known.model.length(shot.seconds)
        resolution = shot.resolution or known.model.resolutions[0].name
        sent = {role: [self._image(each) for each in images if each.role == role] for role in _ROLES}
        return {
            "prompt": shot.prompt,
            "model": known.id,
            "aspect": known.word_for("aspect", shot.aspect),
            "resolution": known.word_for("resolution", resolution),
            "seconds": _number(seconds),
            "seconds:number": _number(seconds),
            "seconds:text": format_seconds(seconds),
            "seconds:s": f"{format_seconds(seconds)}s",
            "seed": shot.seed,
            "sound": known.word_for("sound", known.model.has_sound(shot.sound)),
            "negative": shot.negative,
            "first_frame": next(iter(sent["first_frame"]), None),
            "last_frame": next(iter(sent["last_frame"]), None),
            "references": sent["reference"] or None,
            "name": dispatch.name,
            "callback": dispatch.callback,
        }

    def _image(self, image: SentImage) -> str:
        """An image as the service takes it; in a form, a file is named by its role."""
        if not image.content or self.declaration.form:
            return image.address or image.role
        text = b64encode(image.content).decode()
        return text if self.declaration.images == "bytes" else f"data:{image.kind};base64,{text}"

    def _asking(self, call: Call, declared: DeclaredRequest, values: Mapping[str, str | None]) -> Request:
        """A question about a job, or about the account."""
        path = {name: value or "" for name, value in values.items()}
        return Request(
            call,
            declared.method,
            fill_path(declared.path, path, self.declaration.job_divides),
            fill_query(declared.query, values),
            declared.headers,
            body=None if declared.body is None else fill(declared.body, values),
            origin=declared.origin,
        )


class Cancelling(Declared):
    """A declared service that can be told to end a job."""

    def cancel(self, job: str) -> Request:
        assert self.declaration.cancel
        return self._asking(Call.CANCEL, self.declaration.cancel.request, {"job": job})

    def read_cancel(self, reply: Reply) -> bool | NoResult:
        cancel = self.declaration.cancel
        assert cancel
        if reply.status in cancel.late:
            return False
        refusal = refusal_in(cancel.request, self.declaration.errors, reply)
        if refusal is not None:
            return refusal
        says_so = cancel.request.ok or reply.status == 204
        return True if says_so else Rejection(None, "the reply does not say that the job has ended")


class Counting(Declared):
    """A declared service that tells the credits left."""

    def balance(self) -> Request | None:
        assert self.declaration.balance
        return self._asking(Call.BALANCE, self.declaration.balance[0], {})

    def read_balance(self, reply: Reply) -> Fraction | NoResult | None:
        assert self.declaration.balance
        declared, place = self.declaration.balance
        refusal = refusal_in(declared, self.declaration.errors, reply)
        return refusal if refusal is not None else amount(place.read(reply.body))


class ByOurName(Declared):
    """A declared service that finds a job by our own name."""

    def search(self, dispatch: Dispatch) -> Request:
        assert self.declaration.find
        return self._asking(Call.POLL, self.declaration.find.request, {"name": dispatch.name})

    def read_search(self, dispatch: Dispatch, reply: Reply) -> str | NoResult | AskNext[str | None] | None:
        """None, there is no such job, only by a good reply whose list has no job of this name."""
        find = self.declaration.find
        assert find
        refusal = refusal_in(find.request, self.declaration.errors, reply)
        if refusal is not None:
            return refusal
        listed = find.list.read(reply.body) if find.list else [reply.body]
        if not isinstance(listed, list):
            return Rejection(None, f"there is no list at {find.list.text if find.list else ''}")
        for each in listed:
            if find.name.read(each) == dispatch.name:
                return job_at(find.job, each) or Rejection(None, f"the job has no name at {find.job.text}")
        return None


class Echoing(Declared):
    """A declared service that repeats the prompt of a job."""

    def echo(self, job: str) -> Request:
        return self.status(job)

    def read_echo(self, job: str, reply: Reply) -> str | NoResult | None:
        if (why := self._reader.record(job, reply)) is not None:
            return why
        place = self.declaration.look.prompt
        said = place.read(reply.body) if place else None
        return said if isinstance(said, str) else None


class Calling(Declared):
    """A declared service that calls back."""

    def jobs_in_callback(self, body: object) -> tuple[str, ...]:
        named = [job_at(place, body) for place in self.declaration.callback]
        return tuple(dict.fromkeys(name for name in named if name is not None))


_ROLES = ("first_frame", "last_frame", "reference")


def declared_provider(declaration: Declaration, *, shipped: bool = False) -> Provider:
    """Return the provider of a declaration, with the abilities that it declares."""
    has = {
        Cancelling: declaration.cancel is not None,
        Counting: declaration.balance is not None,
        ByOurName: declaration.find is not None,
        Echoing: declaration.look.prompt is not None,
        Calling: bool(declaration.callback),
    }
    kinds = tuple(kind for kind, declared in has.items() if declared) or (Declared,)
    made: Provider = type("DeclaredProvider", kinds, {})(declaration, shipped=shipped)
    return made


def _environment(declaration: Declaration) -> Environment:
    name = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in declaration.name.upper())
    return Environment(
        key=f"STORYBOARD_KEY_{name}",
        key_file=f"STORYBOARD_KEY_{name}_FILE",
        base_url=f"STORYBOARD_BASE_URL_{name}",
        usual_url=declaration.base_url,
        keyring=declaration.name,
        vendor_key=declaration.key_variable,
        auth=declaration.auth,
    )


def _role(images: Sequence[SentImage]) -> ImageRole:
    roles = {image.role for image in images}
    if "reference" in roles:
        return "references"
    return "last_frame" if "last_frame" in roles else "first_frame" if roles else "text"


def _number(seconds: Fraction) -> int | float:
    return int(seconds) if seconds.denominator == 1 else float(seconds)


def _form(body: Mapping[str, object], images: Sequence[SentImage]) -> tuple[Part, ...]:
    """The fields of a form; one that names an image whose bytes are sent is its file."""
    files: Mapping[str, SentImage] = {image.role: image for image in images if image.content}
    parts = []
    for name, value in body.items():
        image = files.get(value) if isinstance(value, str) else None
        if image:
            parts.append(
                Part(name, image.content, filename=f"{image.role}.{image.kind.rpartition('/')[2]}", kind=image.kind)
            )
        else:
            parts.append(Part(name, str_of(value).lower() if isinstance(value, bool) else str_of(value)))
    return tuple(parts)
