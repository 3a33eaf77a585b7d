"""Templates: what they can say, what they cannot, and that they mean what Jinja2 means."""

import pytest
from author import Author
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from storyboard.parsing import template, template_limits
from storyboard.parsing.template import parse
from storyboard.parsing.template_limits import TemplateRefused, TemplateWork

SCOPE: dict[str, object] = {
    "hour": "dawn",
    "wide": "ÀÉ straße ﬃ",
    "tags": ["rain", "Wind", "fog"],
    "pairs": [["a", 1], ["b", 2]],
    "number": 7,
    "ratio": 1.5,
    "night": True,
    "day": False,
    "nothing": [],
    "hero": {"name": "Ann", "coat": {"colour": "yellow"}},
    "cast": {"keeper": "an old man", "gull": "a gull"},
}


def rendered(source: str, scope: dict[str, object] = SCOPE) -> str:
    text, refused = parse(source).render(scope, TemplateWork())
    assert refused == ()
    return text


def refusal(source: str) -> str:
    try:
        _, refused = parse(source).render(SCOPE, TemplateWork())
    except TemplateRefused as error:
        return error.message
    return refused[0].message


SAME = [
    "plain",
    "{{ hour }}",
    "{{ hero.name }} {{ hero['name'] }} {{ hero.coat.colour }} {{ tags[0] }} {{ tags[-1] }}",
    "{{ number }} {{ ratio }} {{ -number }}",
    "{% if night %}a{% elif day %}b{% else %}c{% endif %}{% if day %}a{% elif night %}b{% else %}c{% endif %}",
    "{% if day %}a{% elif day %}b{% else %}c{% endif %}{% if day %}a{% endif %}",
    "{% for t in tags %}{{ loop.index }}{{ loop.index0 }}{{ t }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for t in tags %}{{ loop.length }}{% if loop.first %}!{% endif %}{% endfor %}",
    "{% for t in tags if t != 'fog' %}{{ t }}{% if loop.last %}.{% endif %}{% else %}none{% endfor %}",
    "{% for t in nothing %}x{% else %}none{% endfor %}{% for t in tags if t == 'x' %}y{% else %}n{% endfor %}",
    "{% for name, count in pairs %}{{ name }}{{ count }}{% endfor %}",
    "{% for key in hero %}{{ key }}{% endfor %}",
    "{% for a in tags %}{% for b in tags %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for hour in tags %}{{ hour }}{% endfor %}{{ hour }}",
    "{{ 'a' if night else 'b' }}{{ 'a' if day else 'b' }}{{ 'a' if day }}",
    "{{ hour ~ ' ' ~ number ~ ratio }}",
    "{{ night and 'x' or 'y' }}{{ day or hour }}{{ (not day) and 'z' }}",
    "{% if 1 < number <= 7 and number >= 7 and number > 6 and hour == 'dawn' and hour != 'dusk' %}x{% endif %}",
    "{% if 'rain' in tags and 'snow' not in tags and 'a' in hour and hour in ['dawn', 'x'] %}x{% endif %}",
    "{{ 'name' in hero and 'y' }}",
    "{% if missing is defined %}a{% else %}b{% endif %}{% if hour is defined %}a{% endif %}",
    "{% if missing is undefined and hero.x is not defined and hour is string and number is number %}x{% endif %}",
    "{% if night is boolean and hero is mapping and number is not string %}x{% endif %}",
    "{{ missing | default('d') }}{{ hero.x | default('e') }}{{ hour | d('f') }}{{ missing | default }}",
    "{{ nothing | default('g', true) }}{{ hour | default('g', true) }}{{ (hour ~ 'x') | default('h') }}",
    "{{ hour | upper }}{{ 'ABC' | lower }}{{ wide | upper }}{{ wide | title }}{{ 'aBC d' | capitalize }}",
    "{{ '  x ' | trim }}|{{ hour | replace('da', 'ya') }}|{{ hour | replace('x', 'y') }}",
    "{{ tags | join(', ') }}{{ tags | join }}{{ pairs[0] | join('-') }}",
    "{{ tags | first }}{{ tags | last }}{{ hour | first }}{{ tags | length }}{{ hour | length }}{{ hero | length }}",
    "{{ tags | sort | join(' ') }}{{ ['b', 'a'] | sort | first }}{{ (1, 2) | length }}",
    "{# a comment #}{{- hour -}}  x  {%- if night -%}  y  {%- endif %}\n\n",
    "{% raw %}{{ hour }}{% endraw %}",
    "{{ 'it''s' }}{{ \"q\\n\" }}{{ '\\u00e9' }}",
    "a\n{{ hour }}\n\nb\n",
]


@pytest.mark.parametrize("source", SAME)
def test_a_template_means_what_jinja_means(source: str) -> None:
    """People know Jinja2: what is allowed here reads the same there."""
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=template.plain(source))
    assert rendered(source) == jinja.from_string(source).render(SCOPE)


_NAMES = st.sampled_from(["hour", "number", "ratio", "hero.name", "tags[1]", "missing", "hero.x", "'lit'", "3", "tags"])
_FILTERED = st.builds(
    lambda name, filters: " | ".join([name, *filters]),
    _NAMES,
    st.lists(
        st.sampled_from(["upper", "default('d')", "length", "first", "title", "trim", "replace('a', 'b')"]), max_size=2
    ),
)
_EXPRESSIONS = st.recursive(
    _FILTERED,
    lambda inner: st.one_of(
        st.builds("({} ~ {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} == {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=4,
)
_TEMPLATES = st.lists(
    st.one_of(
        st.sampled_from(["x ", "\n", "{# c #}"]),
        st.builds("{{{{ {} }}}}".format, _EXPRESSIONS),
        st.builds("{{% if {} %}}a{{% else %}}{{{{ {} }}}}{{% endif %}}".format, _EXPRESSIONS, _EXPRESSIONS),
        st.builds("{{% for t in tags %}}{{{{ t ~ {} }}}}{{% endfor %}}".format, _EXPRESSIONS),
    ),
    min_size=1,
    max_size=3,
).map("".join)


@pytest.mark.ci
@settings(max_examples=200, deadline=None)
@given(_TEMPLATES)
def test_what_is_carried_out_is_what_jinja_would_write(source: str) -> None:
    """Our own evaluation may refuse what Jinja2 takes, but never write something else."""
    try:
        text, refused = parse(source).render(SCOPE, TemplateWork())
    except TemplateRefused:
        return
    if refused:
        return
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=template.plain(source))
    try:
        assert text == jinja.from_string(source).render(SCOPE)
    except UndefinedError:
        pytest.fail(f"Jinja2 finds something undefined in {source!r}")


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ hour.__class__.__mro__ }}",
    "{{ hour.format }}",
    "{{ 'x'.format_map }}",
    "{{ hour['upper'] }}",
    "{{ hero.keys }}",
    "{{ hero.items() }}",
    "{{ tags.append('x') }}",
    "{{ tags.__len__ }}",
    "{{ loop }}",
    "{% for t in tags %}{{ loop.__class__ }}{% endfor %}",
    "{% for t in tags %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for t in tags %}{{ loop }}{% endfor %}",
    "{% for t in tags recursive %}{{ loop(t) }}{% endfor %}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ range(10) }}",
    "{{ lipsum() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ joiner }}",
    "{{ config }}",
    "{{ hour | attr('__class__') }}",
    "{{ hour | map(attribute='__class__') | list }}",
    "{{ tags | join(attribute='__class__') }}",
    "{{ tags | join(*tags) }}",
    "{{ tags | join(**hero) }}",
    "{{ hero | xmlattr }}",
    "{{ hour | safe }}",
    "{{ hour | format('x') }}",
    "{{ '%s' | format(hour) }}",
    "{{ hour | tojson }}",
    "{{ hour | pprint }}",
    "{{ tags | select('upper') }}",
    "{{ hour | urlize }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% macro m() %}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% block b %}{% endblock %}",
    "{% set x = hour %}",
    "{% set x %}y{% endset %}",
    "{% with x = hour %}{% endwith %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% do tags.append('x') %}",
    "{{ hour is filter }}",
    "{{ hour is callable }}",
    "{{ hour is sameas hour }}",
    "{{ {'a': 1} }}",
    "{{ hour[::2] }}",
    "{{ '\\x00' }}",
    "{{ '\\ud800' }}",
    "{{ number + number }}",
    "{{ +number }}",
    "{{ [[1]] }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_there_is_no_way_out(source: str) -> None:
    """A template reaches keys of mappings; five sandboxes were left through less."""
    assert refusal(source)


_BIG = {"big": "x" * 60_000, "many": [f"t{n}" for n in range(5_000)], "a": "x"}
BOMBS = [
    "{{ 'a' * 10**9 }}",
    "{% if false %}{{ 'a' * 10**9 }}{% endif %}",
    "{{ 9**(9**9) }}",
    "{{ 'a'.center(10**9) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ " + "9" * 10_000 + " }}",
    "{{ 1" + "0" * 5_000 + " }}",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ " + "[" * 3_000 + "]" * 3_000 + " }}",
    "{{ " + "not " * 4_000 + "a }}",
    "{{ " + "-" * 10_000 + "1 }}",
    "{{ a" + "|upper" * 2_000 + " }}",
    "{{ a" + ".b" * 5_000 + " }}",
    "{% if a %}" * 1_500,
    "{% if a %}" * 500 + "{% endif %}" * 500,
    "{{ " + " ~ ".join(["big"] * 2_000) + " }}",
    "{{ " + " or ".join(["a"] * 3_000) + " }}",
    "{{ a if " * 1_000 + "a" + " else a" * 1_000 + " }}",
    "{% for x in many %}{% for y in many %}{% if x == y %}{% endif %}{% endfor %}{% endfor %}",
    "{% for x in many %}{% for y in many %}{{ big }}{% endfor %}{% endfor %}",
    "{% for x in many %}{% for y in many %}{% endfor %}{% endfor %}",
    "{% for x in many if big in big %}{% endfor %}",
    "{{ big ~ big }}",
    "{{ (big ~ big) | length }}",
    "{{ big | replace('x', big) }}",
    "{{ many | join(big) }}",
    "{{ big | upper | lower | title | replace('x', 'y') | length }}" * 200,
    "{% for x in many %}{{ many | sort | length }}{% endfor %}",
    "{{ big }}" * 1_000,
    "{# " + "x" * 15_000 + " #}{{ a }}",
    "{{ a }}" + "{% raw %}" * 1_500,
    "{{" * 8_000,
    "{%" * 8_000,
    "{{ '" + "\\" * 15_000 + "' }}",
    "x{{ a }}" * 20_000,
]


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_refused(source: str) -> None:
    """No template takes the machine, whatever it asks for."""
    work = TemplateWork()
    try:
        text, _ = parse(source).render(_BIG, work)
        assert len(text) <= template_limits.MAX_OUTPUT
    except TemplateRefused:
        pass
    assert TemplateWork().left - work.left <= template_limits.MAX_WORK


@pytest.mark.ci
def test_all_templates_together_are_bounded(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand small bombs are one large one."""
    loops = "{% for x in many %}{% for y in many %}{% if x == y %}{% endif %}{% endfor %}{% endfor %}"
    many = "[" + ", ".join("x" * 1 for _ in range(400)) + "]"
    work = TemplateWork(10 * template_limits.MAX_WORK)
    monkeypatch.setattr(template_limits, "TemplateWork", lambda: work)
    scenes = "".join(f"  - id: s{n}\n    prompt: '{loops}{n}'\n" for n in range(100))
    told = author.told(f"storyboard: 1\nvars:\n  many: {many}\nscenes:\n{scenes}")
    assert {line.partition(" ")[2] for line in told} == {"this template takes too much work"}
    assert (len(told), work.left) == (100, 0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ tags }}", "'tags' is a list, not text"),
        ("{{ hero }}", "'hero' is a mapping, not text"),
        ("{{ night }}", "'night' is true or false, not text"),
        ("{{ (1, 2) }}", "'this value' is a list, not text"),
        ("{{ nothing }}", "'nothing' is a list, not text"),
        ("{{ hour and tags }}", "'this value' is a list, not text"),
        ("{{ hero['coat'] }}", "'hero['coat']' is a mapping, not text"),
        ("{{ true }}", "'True' is true or false, not text"),
        ("{{ none }}", "'none' is nothing, not text"),
        ("{{ null }}", "'null' is not defined"),
        ("{{ -hour }}", "'-' works on a number, this is text"),
        ("{{ tags[9] }}", "'tags' is a list: it has no '9'"),
        ("{{ hero.name.x }}", "'hero.name' is text: it has no 'x'"),
        ("{{ tags.name }}", "'tags' is a list: it has no 'name'"),
        ("{{ hero[0] }}", "'hero.0' is not defined"),
        ("{{ tags[true] }}", "'tags' is a list: it has no 'True'"),
        ("{{ (hero[hour]).x }}", "'hero.dawn' is not defined"),
        ("{{ pairs[number - 6] }}", "arithmetic cannot be used in a template"),
        ("{{ pairs[hero['n']] }}", "'hero.n' is not defined"),
        ("{{ pairs[pairs[0][1]] | upper }}", "'upper' cannot be used like this on a list"),
        ("{{ pairs[pairs[0][1]].x }}", "'this value' is a list: it has no 'x'"),
        ("{{ hero[hour] }}", "'hero.dawn' is not defined"),
        ("{{ missing.name | default('x') }}", "'missing' is not defined"),
        ("{% for a, b in tags %}{% endfor %}", "'for' wants 2 values in each item"),
        ("{% for a, b, c in pairs %}{% endfor %}", "'for' wants 3 values in each item"),
        ("{{ nothing | first }}", "'first' cannot be used like this on a list"),
        ("{{ number | first }}", "'first' cannot be used like this on a number"),
        ("{{ number | length }}", "'length' cannot be used like this on a number"),
        ("{{ hour | sort }}", "'sort' cannot be used like this on text"),
        ("{{ ['a', 1] | sort }}", "'sort' cannot be used like this on a list"),
        ("{{ pairs | join }}", "'join' cannot be used like this on a list"),
        ("{{ hour | default('x', true, 1) | nope }}", "there is no filter 'nope'"),
        ("{{ hour is string('x') }}", "'string' cannot be used like this"),
        ("{% if number in number %}{% endif %}", "a number and a number cannot be compared like this"),
        ("{% endif %}", "unknown tag 'endif'"),
        ("{{ }}", "expected an expression, got 'end of print statement'"),
        ("{{ 'a }}", 'unexpected char "\'" at 3'),
        ("{% for x in tags %}", "a tag is never closed"),
        ("{% if %}{% endif %}", "expected an expression, got 'end of statement block'"),
    ],
)
def test_a_mistake_has_words(source: str, message: str) -> None:
    """What would read as program text in a prompt is said, not sent."""
    assert refusal(source).lower() == message.lower()


def test_every_mistake_of_a_prompt_is_found_at_once(author: Author) -> None:
    """Two typos are one run, not two."""
    prompt = "{{ a }} {% if b %}{% endif %}{% for x in c %}{% endfor %}{% for x in tags %}{{ d }}{% endfor %}"
    told = author.told(f'storyboard: 1\nvars: {{ tags: [x, y] }}\nscenes:\n  - id: s\n    prompt: "{prompt}"\n')
    assert [line.split("'")[1] for line in told] == ["a", "b", "c", "d"]


def test_a_long_list_of_mistakes_ends(author: Author) -> None:
    """A loop repeats its mistake; its author needs it once."""
    text = "{% for t in tags %}{{ a }}{% endfor %}" + "".join(f"{{{{ x{n} }}}}" for n in range(40))
    told = author.told(f"storyboard: 1\nvars: {{ tags: [1, 2, 3] }}\nscenes:\n  - id: s\n    prompt: '{text}'\n")
    assert len(told) == template_limits.MAX_REFUSED - 2


def test_a_mistake_without_a_name_has_its_line(author: Author) -> None:
    """In a text of many lines, the line of the mistake is the one shown."""
    told = author.told("storyboard: 1\nscenes:\n  - id: a\n    prompt: |\n      One.\n\n      Two {{ 1 + 1 }}.\n")
    assert told == ["7:7 arithmetic cannot be used in a template"]


def test_what_is_given_is_data(author: Author) -> None:
    """A value from outside is never carried out, or a row of somebody's table writes the film."""
    text = (
        'storyboard: 1\nvars:\n  who:\n  look: "{{ who }}!"\nscenes:\n  - id: a\n    prompt: "{{ who }} {{ look }}"\n'
    )
    film = author.read(text, {"who": "{{ look }}"})
    assert [getattr(scene.source, "prompt", "") for scene in film.scenes] == ["{{ look }} {{ look }}!"]
    assert author.told(text) == ["4:13 'who' has no value", "7:17 'who' has no value"]


def test_what_is_given_must_be_known(author: Author) -> None:
    """--var huor=dusk with a typo would buy the wrong film."""
    text = "storyboard: 1\nvars:\n  hour: dawn\nscenes:\n  - id: a\n    prompt: One.\n"
    assert author.told(text, {"huor": "dusk", "hour": "a\x1b"}) == [
        "2:1 --var huor: there is no such var",
        "3:3 --var hour: an invisible character",
    ]
    assert author.check(text, {"huor": "dusk"})[0].hint == "did you mean 'hour'?"
    bare = "storyboard: 1\nscenes:\n  - id: a\n    prompt: One.\n"
    assert author.told(bare, {"hour": "x"}) == ["1:1 --var hour: there is no such var"]


def test_vars_of_vars(author: Author) -> None:
    """A var sees those above it, in lists and mappings too."""
    text = """storyboard: 1
vars:
  x-mine: "{{ nobody }}"
  hour: dawn
  list: ["{{ hour }} 1", { deep: "{{ hour }} 2" }, 3]
scenes:
  - id: a
    prompt: "{{ list[0] }} {{ list[1].deep }} {{ list[2] }}{{ scene.id }}{{ scene.number }}{{ scene.count }}{{ title }}"
  - id: b
    prompt: "{{ x }}"
"""
    assert author.told(text) == ["10:17 'x' is not defined"]
    film = author.read(text.replace("{{ x }}", "Two."))
    assert getattr(film.scenes[0].source, "prompt", "") == "dawn 1 dawn 2 3a12film"


_WORDS = ["{{", "}}", "{%", "%}", "{#", "#}", "if", "for", "in", "x", "endif", "endfor", "hour", "tags", ".", "[", "]"]
_WORDS += ["|", "upper", "default", "(", ")", "'", "~", "is", "not", "1", "-", "hero", "loop", "\\", "é", "\n", " "]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(_WORDS),
            max_size=14,
        ).map("".join),
    )
)
def test_any_text_is_carried_out_or_refused(source: str) -> None:
    """Nothing but a text or a refusal comes of a template."""
    try:
        text, refused = parse(source).render(SCOPE, TemplateWork())
    except TemplateRefused as error:
        text, refused = "", (error,)
    assert len(text) <= template_limits.MAX_OUTPUT
    assert all(each.message for each in refused)


def test_a_thousand_prompts_are_little_work() -> None:
    """Rendering the prompts is a part of every command, and ten thousand must fit into what all may do together."""
    sources = [f"{{{{ hour }}}}. {{{{ cast.keeper }}}} walks on, {'far ' * 40} {number}." for number in range(1_000)]
    work = TemplateWork()
    for source in sources:
        parse(source).render(SCOPE, work)
    assert TemplateWork().left - work.left < TemplateWork().left / 20


@pytest.mark.parametrize(("source", "line"), [("A gull {#", 1), ("A gull\nat dawn {# \n\n", 2)])
def test_a_remark_that_begins_at_the_very_end(source: str, line: int) -> None:
    """Jinja2 alone would leave it out without a word."""
    with pytest.raises(TemplateRefused, match="begins a remark") as refused:
        parse(source)
    assert refused.value.line == line
