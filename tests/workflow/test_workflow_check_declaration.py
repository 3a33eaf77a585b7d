"""`storyboard provider check`: what is read in the replies of a service, step by step."""

import json
from pathlib import Path

import pytest
from studio import Run

KIE = {"code": 200, "msg": "success"}
RECORDED = [
    {"step": "balance", "body": {**KIE, "data": 40.5}},
    {"step": "submit", "body": {**KIE, "data": {"taskId": "k-1"}}},
    {"step": "look", "body": {**KIE, "data": {"taskId": "k-1", "state": "queuing"}}},
    {"step": "look", "body": {**KIE, "data": {"taskId": "k-1", "state": "success", "resultJson": "{}"}}},
    {"step": "look", "body": {**KIE, "data": {"taskId": "k-1", "state": "fail", "failMsg": "flagged"}}},
    {
        "step": "look",
        "body": {
            **KIE,
            "data": {
                "taskId": "k-1",
                "state": "success",
                "creditsConsumed": 200,
                "resultJson": '{"resultUrls": ["https://a.example/1.mp4"]}',
            },
        },
    },
]


def test_a_recording_is_read_step_by_step(run: Run, tmp_path: Path) -> None:
    """Whoever declares a service sees what is read in its own replies, before anything is paid for."""
    file = tmp_path / "replies.json"
    file.write_text(json.dumps(RECORDED))
    status, out, _ = run("provider", "check", "kie", "--replies", str(file))
    assert status == 0
    assert out.splitlines() == [
        "ok  balance  200: 40.5 credits left",
        "ok  submit   200: job k-1",
        "ok  look     200: queued",
        "ok  look     200: done, and no clip yet",
        "ok  look     200: failed: flagged",
        "ok  look     200: done: clip https://a.example/1.mp4, cost 200",
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"step": "submit", "body": {"code": 402, "msg": "pay"}}, "the account has not enough credits (pay)"),
        ({"step": "submit", "body": {**KIE, "data": {}}}, "named no job"),
        ({"step": "look", "body": {**KIE, "data": {"state": "napping"}}}, "the state 'napping' is unknown"),
        ({"step": "then", "body": {}}, "no further request was due"),
        ({"step": "cancel", "body": {}}, "the declaration has no table 'cancel'"),
    ],
)
def test_a_reply_without_a_result_is_told(run: Run, tmp_path: Path, entry: object, said: str) -> None:
    file = tmp_path / "replies.json"
    file.write_text(json.dumps([entry]))
    status, out, error = run("provider", "check", "kie", "--replies", str(file))
    assert (status, said in out) == (2, True), out
    assert "1 of 1 replies give no result" in error


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '[{"step": "walk"}]', '[{"step": "look", "status": 7}]'])
def test_what_is_no_recording_is_named(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "replies.json"
    file.write_text(text)
    status, _, error = run("provider", "check", "kie", "--replies", str(file))
    assert (status, str(file) in error) == (2, True)
    assert run("provider", "check", "kie", "--replies", str(tmp_path / "none.json"))[0] == 2
    assert "did you mean 'kie'" in run("provider", "check", "kei")[2]


@pytest.mark.ci
def test_the_emulator_plays_the_service(run: Run) -> None:
    """Without a recording: submit, look and download with each model, and cancel, for nothing."""
    status, out, _ = run("provider", "check", "runway", "--json")
    steps = [step["step"] for step in json.loads(out)["steps"]]
    assert status == 0
    assert steps.count("submit") == steps.count("clip") == 3
    assert (steps[0], steps[-1]) == ("balance", "cancel")
    assert "POST /v1/text_to_video" in run("provider", "check", "runway")[1]
