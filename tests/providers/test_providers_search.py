"""The contract suite tells a finder that would pay twice."""

import pytest

from storyboard.http.exchange import Meaning, Reply, Request
from storyboard.http.policy import AnswerKind, Call
from storyboard.providers.apikley.veo import Apikley
from storyboard.providers.base import Dispatch
from storyboard.testing import provider_contract

pytestmark = pytest.mark.ci


class Named(Apikley):
    """Finds a job by its name."""

    def search(self, dispatch: Dispatch) -> Request:
        return Request(Call.POLL, "GET", f"/named/{dispatch.name}")

    def read_search(self, dispatch: Dispatch, reply: Reply) -> str | Meaning | None:
        if reply.status != 200:
            return Meaning(AnswerKind.BUSY)
        return dispatch.name if reply.body == {"job": dispatch.name} else None


class Hasty(Named):
    """Takes an error for the answer that there is no job."""

    def read_search(self, dispatch: Dispatch, reply: Reply) -> str | Meaning | None:
        return None


def check(provider: Apikley) -> None:
    (search,) = (check for check in provider_contract(provider) if check.name == "search")
    search()


def test_a_finder_that_takes_an_error_for_an_answer() -> None:
    """While the service is down, each lost answer would be asked for anew."""
    check(Named())
    with pytest.raises(AssertionError, match="no job, by status"):
        check(Hasty())
