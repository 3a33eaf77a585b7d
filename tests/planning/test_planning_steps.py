"""What is bought, and what an author is told about why."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath

from storyboard.costs.price_book import PriceBook
from storyboard.model.lock import Lock, Pinned
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Place
from storyboard.model.scene_shots import SceneShots
from storyboard.model.shot import Shot, shot
from storyboard.model.storyboard import Generated, LocalImage, Output, OwnClip, Scene, Storyboard, Trim, WebImage
from storyboard.model.submission import ASKED_AGAIN, State, Submission
from storyboard.model.take import Measure, Take, TakeId
from storyboard.planning.changes import changed_words, changes
from storyboard.planning.plan import make_plan
from storyboard.planning.saved import plan_differences, plan_document
from storyboard.planning.shots import scene_shots
from storyboard.planning.steps import Blocked, Collect, Facts, Keep, Make, Plan
from storyboard.providers.apikley.veo import CAPABILITIES, PRICES

CATALOGUE = Catalogue.of("apikley", CAPABILITIES)

PLACE = Place("film.yaml", 1, 1)
PLAIN = Generated("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, "720p")
MEASURE = Measure(192, Fraction(24), 1280, 720, True)
TAKE = Take("d" * 64, 100, MEASURE)
HD = Take("e" * 64, 200, replace(MEASURE, width=1920, height=1080), "1080p")
FRAME = LocalImage(PurePosixPath("a.png"), "a" * 64, 10, 1280, 720, "png", PLACE)

BOOK = PriceBook("apikley", {"apikley": PRICES})


def film(**sources: Generated | OwnClip) -> Storyboard:
    scenes = [Scene(id, at, source, Trim(), PLACE) for at, (id, source) in enumerate(sources.items(), 1)]
    return Storyboard("film", "film", tuple(scenes), (), Output(PurePosixPath("out/film.mp4"), None, None, "pad"))


def planned(facts: Facts, **sources: Generated | OwnClip) -> Plan:
    board = film(**sources)
    return make_plan(board, wanted_of(board, facts.lock), facts, BOOK, CATALOGUE)


def wanted_of(board: Storyboard, lock: Lock) -> Mapping[str, SceneShots]:
    return scene_shots(board, CATALOGUE, lock)


def first(source: Generated) -> Shot:
    return wanted_of(film(x=source), Lock())["x"].shot


LOST: tuple[State, ...] = ("intent", "unknown")


def key(source: Generated = PLAIN) -> str:
    return first(source).key


def entry(
    state: State, source: Generated = PLAIN, *, run: str = "r", hd: Fraction | None = None, why: str = ""
) -> Submission:
    wanted = first(source)
    job = "job1" if state in ("open", "taken", "failed") else None
    return Submission(
        1, wanted.key, state, job, run, "n", "/film.yaml", "x", "veo3_fast", wanted.recipe, Fraction(60), None, hd,
        None, why, 0.0, 0.0,
    )  # fmt: skip


def known(
    state: State, *, hd: Fraction | None = None, takes: tuple[Take, ...] = (), held: tuple[Take, ...] = ()
) -> Facts:
    """What there is to know of one shot."""
    versions: dict[str, Take] = {take.resolution: take for take in takes}
    return Facts(
        entries={key(): entry(state, hd=hd)}, takes={key(): versions}, held=frozenset(take.digest for take in held)
    )


def test_a_new_scene_is_made() -> None:
    """The first render of a storyboard buys what it says it buys."""
    (step,) = planned(Facts(), x=PLAIN).steps
    assert isinstance(step, Make)
    assert (step.why, step.credits, step.name) == ("no take yet", 60, "make")


def test_what_is_held_is_kept() -> None:
    """What has been bought is never bought again."""
    (step,) = planned(known("taken", takes=(TAKE,), held=(TAKE,)), x=PLAIN).steps
    assert isinstance(step, Keep)
    assert (step.take, step.credits) == (TAKE, 0)


def test_the_lock_alone_is_enough() -> None:
    """A clone with the lock and the team's store rebuilds the film for nothing, under another scene name too."""
    lock = Lock({"old-name": Pinned(key(), 1, {1: {"720p": TAKE}})})
    (step,) = planned(Facts(lock=lock, held=frozenset({TAKE.digest})), x=PLAIN).steps
    assert isinstance(step, Keep)


def test_a_job_that_is_paid_for_is_collected() -> None:
    """Killed after the job's name was written, the next run fetches instead of paying."""
    (step,) = planned(known("open"), x=PLAIN).steps
    assert isinstance(step, Collect)
    assert (step.job, step.credits, step.why) == ("job1", 0, "paid for, not downloaded yet")


def test_a_take_gone_from_the_store_is_fetched_again() -> None:
    """Deleting the store's files costs nothing while the provider still has the clip."""
    (step,) = planned(known("taken", takes=(TAKE,)), x=PLAIN).steps
    assert isinstance(step, Collect)
    assert (step.job, step.credits, step.why) == ("job1", 0, "its take is missing from the store: downloaded again")


NAMED = replace(TAKE, job="job-1")


def pinned(*takes: Take) -> Lock:
    return Lock({"x": Pinned(key(), 1, {1: {take.resolution: take for take in takes}})})


def test_a_take_that_the_lock_pins_is_fetched_by_its_job() -> None:
    """A second machine of the same account has never heard of it, and pays nothing."""
    (step,) = planned(Facts(lock=pinned(NAMED)), x=PLAIN).steps
    assert isinstance(step, Collect)
    assert (step.job, step.credits, step.pinned) == ("job-1", 0, (NAMED,))
    assert step.why == "pinned by the lock, not on this machine: downloaded by its job"
    assert step.otherwise == "--rebuy x buys it again for 60 credits"
    upgraded, hd = replace(PLAIN, resolution="1080p"), replace(HD, job="job-1")
    for takes, credits in (((NAMED, hd), 0), ((NAMED,), 5)):
        (step,) = planned(Facts(lock=pinned(*takes)), x=upgraded).steps
        assert isinstance(step, Collect)
        assert (step.pinned, step.credits) == (takes, credits)


def test_what_a_lock_pins_is_not_bought_without_a_word() -> None:
    """Today's locks name no job. "Was never here" and "is gone" are two things, and both wait for --rebuy."""
    facts = Facts(lock=pinned(TAKE))
    way = "--rebuy x buys it again for 60 credits (the lock names no job to download it by)"
    (step,) = planned(facts, x=PLAIN).steps
    assert isinstance(step, Blocked)
    assert (step.need, step.why) == ("rebuy", f"the lock pins a take that was never here; {way}")
    (step,) = planned(replace(facts, takes={key(): {"720p": TAKE}}), x=PLAIN).steps
    assert step.why == f"its take is missing from the store; {way}"
    (step,) = planned(replace(facts, takes={key(): {"720p": TAKE}}, kind="rehearsal"), x=PLAIN).steps
    assert step.why.startswith("its rehearsal take is not here any more; ")
    (step,) = planned(replace(facts, kind="draft"), x=PLAIN).steps
    assert isinstance(step, Make)
    for agreed in (
        replace(facts, rebuy=frozenset({"x"})),
        replace(known("taken", takes=(TAKE,)), rebuy=frozenset("x")),
    ):
        (step,) = planned(agreed, x=PLAIN).steps
        assert isinstance(step, Make)
        assert (step.credits, step.agreed) == (60, True)


def test_a_job_that_the_service_has_ended_is_not_asked_for_once_more() -> None:
    """What it says of its job is final; what the user decides about it too."""
    over = replace(entry("failed", why="kept for 14 days"), job="job-1")
    facts = Facts(lock=pinned(NAMED), entries={key(): over})
    (step,) = planned(facts, x=PLAIN).steps
    assert isinstance(step, Blocked)
    assert "--rebuy x buys it again for 60 credits (kept for 14 days)" in step.why
    (step,) = planned(replace(facts, entries={key(): replace(over, why=ASKED_AGAIN)}), x=PLAIN).steps
    assert isinstance(step, Make)
    (step,) = planned(replace(facts, entries={key(): replace(over, job="job-2")}), x=PLAIN).steps
    assert isinstance(step, Collect)


def test_a_shot_that_was_refused_twice_waits_for_its_author() -> None:
    """An unattended render would pay for the same refusal each night; its neighbours are made."""
    other = replace(PLAIN, prompt="A tern")
    facts = Facts(entries={key(): entry("refused", why="flagged (400)")}, refusals={key(): 1})
    assert [step.name for step in planned(facts, x=PLAIN, y=other).steps] == ["make", "make"]
    facts = replace(facts, refusals={key(): 2})
    blocked, made = planned(facts, x=PLAIN, y=other).steps
    assert isinstance(blocked, Blocked)
    assert isinstance(made, Make)
    way = "change the prompt or the image, or submit it once more with --retry x"
    assert (blocked.need, blocked.why) == ("retry", f"refused for its content 2 times; {way} (flagged (400))")
    (step, _) = planned(replace(facts, retry=frozenset({"x"})), x=PLAIN, y=other).steps
    assert isinstance(step, Make)


def test_a_lost_answer_blocks_its_scene_alone() -> None:
    """An open intent of a dead run is never sent again."""
    for state in LOST:
        facts = known(state)
        steps = planned(facts, x=PLAIN, y=replace(PLAIN, prompt="A tern")).steps
        assert [type(step) for step in steps] == [Blocked, Make]
        assert steps[0].why


def test_a_callback_makes_a_lost_answer_one_to_collect() -> None:
    """Nothing is paid for it; but what is given up stays so, and what another run is asking for is that run's."""
    for state in LOST:
        facts = replace(known(state), named=frozenset({"n"}))
        (step,) = planned(facts, x=PLAIN).steps
        assert isinstance(step, Collect)
        assert (step.job, step.credits, step.why) == (None, 0, "its answer was lost, a callback names its job")
        (step,) = planned(replace(facts, named=frozenset({"m"})), x=PLAIN).steps
        assert isinstance(step, Blocked)
    (step,) = planned(replace(known("abandoned"), named=frozenset({"n"})), x=PLAIN).steps
    assert isinstance(step, Blocked)
    (step,) = planned(replace(known("intent"), named=frozenset({"n"}), at_work=frozenset({"r"})), x=PLAIN).steps
    assert step.why == "another render is submitting it now"


def test_another_living_run_is_waited_for() -> None:
    """Two storyboards that want the same shot: bought once."""
    facts = replace(known("intent"), at_work=frozenset({"r"}))
    (step,) = planned(facts, x=PLAIN).steps
    assert isinstance(step, Collect)
    assert (step.job, step.why) == (None, "another render is submitting it now")


def test_a_failure_says_so_when_it_is_tried_again() -> None:
    """An author who pays a second time is told what happened the first."""
    facts = Facts(entries={key(): entry("failed", why="flagged")})
    (step,) = planned(facts, x=PLAIN).steps
    assert isinstance(step, Make)
    assert step.why == "failed before: flagged"


def test_the_same_shot_twice_is_bought_once() -> None:
    """Two scenes of one film may share a shot."""
    plan = planned(Facts(), x=PLAIN, y=PLAIN)
    assert [type(step) for step in plan.steps] == [Make, Collect]
    assert plan.steps[1].after == (TakeId("x", 1),)
    assert plan.credits == 60


def test_hd_is_added_once_to_a_shared_shot() -> None:
    """720p here and 1080p there: one take and one HD version."""
    hd = replace(PLAIN, resolution="1080p")
    assert planned(Facts(), x=PLAIN, y=hd, z=hd).credits == 65
    assert planned(Facts(), x=hd, y=hd, z=PLAIN).credits == 65
    steps = planned(known("open"), x=PLAIN, y=hd).steps
    assert [step.credits for step in steps] == [0, 5]


def test_hd_hangs_on_the_take() -> None:
    """Wanting 1080p of a take that is here pays for the HD version alone, once."""
    hd = replace(PLAIN, resolution="1080p")
    (step,) = planned(known("taken", takes=(TAKE,), held=(TAKE,)), x=hd).steps
    assert isinstance(step, Collect)
    assert (step.credits, step.why) == (5, "resolution 720p -> 1080p: the HD version of the same take")
    (again,) = planned(known("taken", hd=Fraction(5), takes=(TAKE,), held=(TAKE,)), x=hd).steps
    assert again.credits == 0
    (kept,) = planned(known("taken", hd=Fraction(5), takes=(TAKE, HD), held=(TAKE, HD)), x=hd).steps
    assert isinstance(kept, Keep)
    assert kept.take == HD


def test_hd_of_a_take_whose_job_is_not_known() -> None:
    """A clone with the lock alone cannot ask for an HD version; it is told what it pays for."""
    lock = Lock({"x": Pinned(key(), 1, {1: {"720p": TAKE}})})
    hd = replace(PLAIN, resolution="1080p")
    (step,) = planned(Facts(lock=lock, held=frozenset({TAKE.digest})), x=hd).steps
    assert isinstance(step, Make)
    assert (step.credits, step.why) == (65, "resolution 720p -> 1080p, and the job of its take is not known here")


def test_own_clips_and_files_that_leave() -> None:
    """An own clip is no step; each local image that will leave the machine is named once."""
    board = planned(
        Facts(),
        logo=OwnClip(PurePosixPath("logo.mp4"), PLACE),
        x=replace(PLAIN, first_frame=FRAME),
        y=replace(PLAIN, first_frame=FRAME, last_frame=FRAME),
    )
    assert [step.scene for step in board.steps] == ["x", "y"]
    assert board.images_to_upload == (FRAME,)


def why(before: Generated, now: Generated) -> str:
    board = film(x=now)
    facts = Facts(lock=Lock({"x": Pinned("0" * 64, 1, {})}), before={TakeId("x", 1): first(before).recipe})
    return make_plan(board, wanted_of(board, facts.lock), facts, BOOK, CATALOGUE).steps[0].why


def test_a_reason_names_what_changed() -> None:
    """A reviewer reads the plan and sees why a scene is paid for again."""
    other = replace(FRAME, digest="b" * 64)
    said = [
        why(PLAIN, replace(PLAIN, prompt="A gull over the sea")),
        why(PLAIN, replace(PLAIN, prompt="The gull")),
        why(PLAIN, replace(PLAIN, prompt="A  gull")),
        why(PLAIN, replace(PLAIN, model="veo3")),
        why(PLAIN, replace(PLAIN, aspect="9:16")),
        why(PLAIN, replace(PLAIN, first_frame=FRAME)),
        why(replace(PLAIN, first_frame=FRAME), PLAIN),
        why(replace(PLAIN, first_frame=FRAME), replace(PLAIN, first_frame=other)),
        why(replace(PLAIN, references=(FRAME,)), replace(PLAIN, references=(FRAME, other))),
        why(replace(PLAIN, references=(FRAME, other)), replace(PLAIN, references=(other, FRAME))),
        why(replace(PLAIN, references=(FRAME, other)), replace(PLAIN, references=(FRAME, FRAME))),
        why(replace(PLAIN, seed=10000), replace(PLAIN, seed=10001)),
        why(PLAIN, replace(PLAIN, seed=10001)),
        why(PLAIN, replace(PLAIN, translate=False)),
        why(replace(PLAIN, watermark="me"), PLAIN),
        why(PLAIN, replace(PLAIN, model="veo3", seed=10001)),
    ]
    assert said == [
        "prompt: 3 words",
        "prompt: 1 word",
        "prompt: spaces",
        "model veo3_fast -> veo3",
        "aspect 16:9 -> 9:16",
        "first_frame added",
        "first_frame removed",
        "frame image first_frame has other bytes",
        "references: 1 -> 2 images",
        "references: another order",
        "references: image 2 has other bytes",
        "seed 10000 -> 10001",
        "seed added",
        "translate true -> false",
        "watermark removed",
        "model veo3_fast -> veo3; seed added",
    ]


def test_a_frame_at_another_address() -> None:
    """An image on the web is its address; nobody can say that its bytes changed."""
    one, other = (shot(replace(PLAIN, first_frame=WebImage(f"https://a/{n}", PLACE)), "apikley") for n in (1, 2))
    assert changes(one.recipe, other) == "frame image first_frame has another address"


def test_a_change_without_a_ledger_is_still_told() -> None:
    """A clone knows from the lock that the scene is another one, if not how."""
    lock = Lock({"x": Pinned("0" * 64, 1, {})})
    assert planned(Facts(lock=lock), x=PLAIN).steps[0].why == "the scene has changed"


def test_a_saved_plan_refuses_what_moved() -> None:
    """Nobody pays for something else than what was reviewed."""
    board = film(x=PLAIN, y=replace(PLAIN, prompt="A tern"))
    saved = plan_document(
        planned(Facts(), x=PLAIN, y=replace(PLAIN, prompt="A tern")), "film.yaml", "apikley", BOOK, (), []
    )
    assert plan_differences(saved, saved) == []
    edited = plan_document(planned(Facts(), x=PLAIN, z=PLAIN), "film.yaml", "other", BOOK, (), [])
    assert plan_differences(saved, edited) == [
        "y: not in the storyboard any more",
        "z: new since the plan was saved",
        "provider was apikley, is other",
    ]
    dearer = PriceBook("apikley", {"apikley": replace(PRICES, models={"veo3_fast": Fraction(80)}, estimate=False)})
    priced = plan_document(
        make_plan(board, wanted_of(board, Lock()), Facts(), dearer, CATALOGUE),
        "film.yaml",
        "apikley",
        dearer,
        (),
        [],
    )
    assert plan_differences(saved, priced) == ["x: the price was 60, is 80", "y: the price was 60, is 80"]
    swapped = plan_document(
        planned(Facts(), y=replace(PLAIN, prompt="A tern"), x=PLAIN), "film.yaml", "apikley", BOOK, (), []
    )
    assert plan_differences(saved, swapped) == ["the scenes are in another order"]


def test_a_saved_plan_that_became_cheaper_holds() -> None:
    """What was agreed to pay is not exceeded: a take that came meanwhile is no reason to refuse; a block is one."""
    saved = plan_document(planned(Facts(), x=PLAIN), "film.yaml", "apikley", BOOK, (), [])
    for facts in (known("open"), known("taken", takes=(TAKE,), held=(TAKE,))):
        now = plan_document(planned(facts, x=PLAIN), "film.yaml", "apikley", BOOK, (), [])
        assert plan_differences(saved, now) == []
        assert plan_differences(now, saved) != []
    lost = plan_document(planned(known("unknown"), x=PLAIN), "film.yaml", "apikley", BOOK, (), [])
    assert plan_differences(saved, lost) == ["x: the step was make, is blocked; the price was 60, is 0"]


def test_the_words_that_changed_are_shown() -> None:
    """With a few words around each, on one line."""
    assert changed_words("A boat turns at night.", "A boat turns at dawn.") == "A boat turns at [-night.-] {+dawn.+}"
    before, now = "one two three four five six seven", "one two three four five six seven eight"
    assert changed_words(before, now) == "… four five six seven {+eight+}"
    assert changed_words("a b", "b") == "[-a-] b"


def test_totals_are_in_credits_and_money() -> None:
    """The number an author decides on."""
    totals = plan_document(planned(Facts(), x=PLAIN), "film.yaml", "apikley", BOOK, (), [])["totals"]
    assert totals == {
        "at_most": 60,
        "make": 1, "collect": 0, "keep": 0, "blocked": 0,
        "credits": 60, "money": 0.3, "currency": "USD", "estimate": True,
    }  # fmt: skip
