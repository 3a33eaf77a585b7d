"""The clients of fal, Replicate, Runway and Luma ask for a clip, fetch its address, and are refused. Prints JSON.

Arguments: which of them, the address of the service. It is run with these clients, and without storyboard.
"""

import json
import sys
import time
from urllib.request import urlopen

which, url = sys.argv[1:]


def waited(look, pending):
    """What a job is, once it is over."""
    while (found := look()) is not None and pending(found):
        time.sleep(0.02)  # as every client of the API must
    return found


def fal():
    import fal_client.client as fal_client

    fal_client.QUEUE_URL_FORMAT = f"{url}/"
    client = fal_client.SyncClient(key="rehearsal")
    wanted = {"prompt": "it rains", "image_url": "https://images.example/a.png", "aspect_ratio": "9:16"}
    wanted |= {"resolution": "480p", "duration": "4", "generate_audio": False, "seed": 7}
    name = "bytedance/seedance-2.0/image-to-video"
    handle = client.submit(name, arguments=wanted)
    waited(handle.status, lambda status: not isinstance(status, fal_client.Completed))
    try:
        client.submit(name, arguments={**wanted, "duration": "99"})
        refusal = ""
    except fal_client.FalClientHTTPError as error:
        refusal = str(error)
    return handle.get()["video"]["url"], refusal


def replicate():
    from replicate import Client
    from replicate.exceptions import ReplicateError

    client = Client(api_token="rehearsal", base_url=url)
    wanted = {"prompt": "it rains", "duration": 5, "ratio": "16:9", "resolution": "768P"}
    job = client.models.predictions.create(model=("minimax", "h3"), input=wanted)
    job = waited(lambda: client.predictions.get(job.id), lambda job: job.status in ("starting", "processing"))
    output = job.output[0] if isinstance(job.output, list) else job.output
    try:
        client.models.predictions.create(model=("minimax", "h3"), input={**wanted, "speed": 2})
        refusal = ""
    except ReplicateError as error:
        refusal = error.detail
    return str(output), refusal


def runway():
    from runwayml import APIStatusError, RunwayML

    client = RunwayML(api_key="rehearsal", base_url=url, max_retries=0)
    wanted = {"model": "gen4.5", "prompt_text": "it rains", "ratio": "720:1280", "duration": 3, "seed": 7}
    job = client.text_to_video.create(**wanted).id
    pending = ("PENDING", "THROTTLED", "RUNNING")
    task = waited(lambda: client.tasks.retrieve(job), lambda task: task.status in pending)
    assert client.organization.retrieve().credit_balance > 0
    try:
        client.text_to_video.create(**{**wanted, "duration": 99})
        refusal = ""
    except APIStatusError as error:
        refusal = error.body["error"]
    return task.output[0], refusal


def luma():
    from lumaai import APIStatusError, LumaAI

    client = LumaAI(auth_token="rehearsal", base_url=url, max_retries=0)
    frame = {"type": "image", "url": "https://images.example/a.png"}
    wanted = {"model": "ray-2", "prompt": "it rains", "aspect_ratio": "1:1", "duration": "9s", "resolution": "540p"}
    job = client.generations.video.create(**wanted, keyframes={"frame0": frame}).id
    made = waited(lambda: client.generations.get(job), lambda made: made.state in ("queued", "dreaming"))
    try:
        client.generations.video.create(**{**wanted, "duration": "7s"})
        refusal = ""
    except APIStatusError as error:
        refusal = error.body["detail"]
    return made.assets.video, refusal


clip, refusal = {"fal": fal, "replicate": replicate, "runway": runway, "luma": luma}[which]()
with urlopen(clip) as answer:
    begins = answer.read(8)[4:].decode()
print(json.dumps({"clip": clip, "begins": begins, "refusal": refusal}))
