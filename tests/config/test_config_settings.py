"""The user's own configuration: where the key is, and that nothing else can say so."""

from fractions import Fraction
from pathlib import Path

import pytest

from storyboard.cli.exit_status import error_status
from storyboard.config.credentials import api_key
from storyboard.config.settings import Settings, configured_provider, settings
from storyboard.model.callback_settings import CallbackSettings
from storyboard.model.errors import InputError, RunRefused


@pytest.fixture
def toml(own_home: Path) -> Path:
    path = own_home / "config" / "storyboard" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def test_without_any_configuration(own_home: Path) -> None:
    """A new user has sane values everywhere."""
    found = settings({"STORYBOARD_HOME": "/x"})
    assert (found.provider, found.base_url, found.at_once, found.time_scale) == (
        "apikley",
        "https://api.apikley.ru",
        8,
        1,
    )
    assert found.prices.own.estimate
    assert found.uploads is None
    assert found.realm_folder() == Path("/x")
    assert found.realm_folder("draft") == Path("/x/drafts")


def test_the_environment_wins_over_the_file(toml: Path) -> None:
    toml.write_text('base_url = "https://one.example"\nstore = "/one"\nuploads = "s3://one"\nat_once = 3\n')
    assert (settings({}).base_url, settings({}).home, settings({}).at_once) == ("https://one.example", Path("/one"), 3)
    environ = {"APIKLEY_BASE_URL": "https://two.example", "STORYBOARD_HOME": "/two", "STORYBOARD_UPLOADS": "s3://two"}
    found = settings(environ)
    assert (found.base_url, found.home, found.uploads) == ("https://two.example", Path("/two"), "s3://two")


def test_prices_of_the_user(toml: Path) -> None:
    toml.write_text("[prices]\ncredit = 0.01\n[prices.models]\nveo3 = 300\n")
    assert settings({}).prices.own.models["veo3"] == 300
    assert settings({}).prices.own.credit == Fraction(1, 100)


def test_limits_of_the_user(toml: Path) -> None:
    """None by default; those that are written hold, and the message will name this very file."""
    assert settings({}).budget.limits == ()
    toml.write_text("[budget]\nper_month = 500\nper_run = 60.5\n[prices]\ncurrency = 'EUR'\n")
    budget = settings({}).budget
    assert [(limit.name, limit.most) for limit in budget.limits] == [
        ("per_run", Fraction(121, 2)),
        ("per_month", 500),
    ]
    assert str(toml) in budget.limits[0].raised
    assert budget.prices.currency == "EUR"


@pytest.mark.parametrize(
    ("url", "rehearsal"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost:1", True),
        ("http://[::1]:9", True),
        ("https://api.apikley.ru", False),
        ("https://127.0.0.1.example.org", False),
    ],
)
def test_takes_of_a_rehearsal_are_kept_apart(url: str, rehearsal: bool) -> None:
    """An emulator's clip must never pass for a paid one."""
    found = settings({"APIKLEY_BASE_URL": url, "STORYBOARD_HOME": "/x"})
    assert found.realm_folder() == Path("/x/rehearsals" if rehearsal else "/x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key = 'sk'", "unknown key 'key'"),
        ("base_ulr = 'x'", "unknown key 'base_ulr'"),
        ("base_url = 3", "base_url must be text"),
        ("at_once = 0", "at_once"),
        ("at_once = true", "at_once"),
        ("prices = 3", "must be tables"),
        ("budget = 3", "must be tables"),
        ("[budget]\nper_run = 0", "per_run must be a number larger than 0"),
        ("providers = 3", "must be a table of tables"),
        ("[providers]\nx = 3", r"\[providers.x\] must be a table"),
        ("[providers.'a/b']", "a provider's name has"),
        ("[providers.x]\nbase_url = 3", "base_url must be text"),
        ("[providers.x]\nat_once = true", "at_once must be a whole number"),
        ("= broken", "cannot be read"),
        (f"a = {'[' * 5000}", "nested too deeply"),
    ],
)
def test_a_wrong_file_is_named(toml: Path, text: str, said: str) -> None:
    toml.write_text(text)
    with pytest.raises(InputError, match=said):
        settings({})


@pytest.mark.parametrize("scale", ["fast", "-1", "nan", "1000"])
def test_a_wrong_time_scale(scale: str) -> None:
    with pytest.raises(InputError, match="STORYBOARD_TIME_SCALE"):
        settings({"STORYBOARD_TIME_SCALE": scale})


def found() -> Settings:
    return settings({"STORYBOARD_HOME": "/x"})


def test_the_key_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-file\n")
    assert api_key(found(), {"APIKLEY_API_KEY": " sk-env "}) == "sk-env"
    assert api_key(found(), {"APIKLEY_API_KEY_FILE": str(file)}) == "sk-file"


def test_no_key_says_where_to_put_it() -> None:
    """The first thing that a new user reads when he wants the real film."""
    with pytest.raises(RunRefused) as caught:
        api_key(found(), {})
    assert error_status(caught.value) == 5
    assert "APIKLEY_API_KEY" in caught.value.hint
    assert "--draft" in caught.value.hint


def test_a_key_that_could_break_a_header_is_refused(tmp_path: Path) -> None:
    for bad in ("a b", "a\nHost: evil", "ключ"):
        with pytest.raises(RunRefused) as caught:
            api_key(found(), {"APIKLEY_API_KEY": bad})
        assert bad not in caught.value.message


def test_a_key_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        api_key(found(), {"APIKLEY_API_KEY_FILE": str(tmp_path / "nowhere")})


def test_callbacks_are_the_users_to_allow() -> None:
    """The address, where it leads, and the key of signatures, which no message shows."""
    assert settings({}).callbacks == CallbackSettings(None, "127.0.0.1", 8790, "")
    found = settings(
        {
            "STORYBOARD_CALLBACK_URL": "https://example.org/hooks/",
            "STORYBOARD_CALLBACK_LISTEN": "[::1]:9000",
            "STORYBOARD_CALLBACK_KEY": "s3cret",
        }
    ).callbacks
    assert found == CallbackSettings("https://example.org/hooks", "::1", 9000, "s3cret")
    assert (found.listens, "s3cret" in repr(found)) == ("[::1]:9000", False)
    assert settings({"STORYBOARD_CALLBACK_URL": "http://127.0.0.1:8790"}).callbacks.url == "http://127.0.0.1:8790"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", "http://example.org/hooks"),
        ("URL", "https://user@example.org"),
        ("URL", "https://example.org/?token=abc"),
        ("URL", "https://example.org/#x"),
        ("URL", "https://"),
        ("URL", "https://exa mple.org"),
        ("URL", "https://example.org:0"),
        ("URL", "https://[x"),
        ("URL", "ftp://127.0.0.1/"),
        ("LISTEN", "8790"),
        ("LISTEN", "127.0.0.1:0"),
        ("LISTEN", "127.0.0.1:65536"),
        ("LISTEN", "127.0.0.1:http"),
        ("LISTEN", "a b:80"),
    ],
)
def test_a_wrong_callback_address_is_named(name: str, value: str) -> None:
    """Found now, and not when a paid clip waits for a call that cannot come; the address may hold a secret."""
    with pytest.raises(InputError, match=f"STORYBOARD_CALLBACK_{name}") as caught:
        settings({f"STORYBOARD_CALLBACK_{name}": value})
    assert "token" not in caught.value.message


def test_the_table_of_a_provider(toml: Path) -> None:
    """Its own address, key and pace win over the old keys; another provider's table changes nothing."""
    toml.write_text(
        'base_url = "https://one.example"\nat_once = 3\n'
        '[providers.apikley]\nbase_url = "https://two.example"\nkey_file = "~/k"\n[providers.other]\nat_once = 2\n'
    )
    found = settings({})
    assert (found.base_url, found.at_once, found.key_file) == ("https://two.example", 3, "~/k")
    assert found.providers["other"].at_once == 2
    assert found.providers["other"].key_variable == "STORYBOARD_KEY_OTHER"
    assert configured_provider(found).name == "apikley"


def test_a_table_for_a_provider_that_reads_none(toml: Path) -> None:
    """It is reported when the provider is needed, with the file."""
    toml.write_text("[providers.apikley]\nshade = 3\n")
    with pytest.raises(InputError, match=r"config.toml: \[providers.apikley\].* apikley knows no shade"):
        configured_provider(settings({}))
