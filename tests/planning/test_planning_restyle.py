"""Which change of words many prompts share, and which variable says it."""

from storyboard.planning.restyle import Restyle, find_restyle, find_variable

PROMPTS = {
    "a": ("A gull at dusk.", "A gull at first light."),
    "b": ("Dim: dusk, fog.", "Dim: first light, mist."),
    "c": ("A hut.", "Two huts."),
}


def test_the_change_that_most_prompts_share() -> None:
    """More than a third of the film, in more than one scene; marks beside the words do not count."""
    both = {**PROMPTS, "b": ("Dim: dusk.", "Dim: first light.")}
    expected = Restyle("dusk", "first light", ("a", "b"))
    assert find_restyle(both, 5) == expected
    assert find_restyle(both, 6) is None
    assert find_restyle({"a": PROMPTS["a"]}, 1) is None
    assert find_restyle({}, 0) is None


def test_the_variable_that_says_it() -> None:
    """In vars or in the cast, also deep within; words that were taken out are in none."""
    top = {"vars": {"n": 3, "look": "the  first\nlight"}, "cast": {"keeper": {"looks": ["red coat"], "age": 9}}}
    assert find_variable(Restyle("dusk", "first light", ()), top) == "vars.look"
    assert find_variable(Restyle("blue", "red", ()), top) == "cast.keeper"
    assert find_variable(Restyle("blue", "", ()), top) == ""
    assert find_variable(Restyle("", "green", ()), {"vars": None}) == ""
