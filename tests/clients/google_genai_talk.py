"""Google's own client asks for a clip with a first and a last frame, fetches it, and is refused a length. Prints JSON.

Arguments: the address of the service, an image. It is run with google-genai, and without storyboard.
"""

import json
import sys
import time
from base64 import b64encode
from pathlib import Path

from google import genai
from google.genai._interactions import BadRequestError
from google.genai.types import HttpOptions

url, image = sys.argv[1:]
client = genai.Client(api_key="rehearsal", http_options=HttpOptions(base_url=url))
data = b64encode(Path(image).read_bytes()).decode()
form = {"type": "video", "aspect_ratio": "9:16", "resolution": "720p", "duration": "5s", "delivery": "uri"}


def made(**changes):
    """Ask for a clip, and wait for it."""
    job = client.interactions.create(
        model="gemini-omni-1.2-flash",
        input=[
            *[{"type": "image", "data": data, "mime_type": "image/png"}] * 2,
            {"type": "text", "text": "<FIRST_FRAME> <LAST_FRAME> it rains"},
        ],
        response_format={**form, **changes},
        generation_config={"video_config": {"task": "image_to_video"}},
        background=True,
        store=True,
    )
    while job.status in ("queued", "in_progress"):
        time.sleep(0.02)  # as every client of the API must
        job = client.interactions.get(job.id)
    return job


job = made()
uri = job.steps[-1].content[0].uri
name = f"files/{uri.rpartition('/')[2]}"
states = []
while "ACTIVE" not in states:
    file = client.files.get(name=name)
    states.append(file.state.name)
inline = made(delivery="inline", duration="6s")
try:
    made(duration="16s")
    refusal = None
except BadRequestError as error:
    refusal = {"kind": type(error).__name__, "status": error.status_code, "words": error.body["error"]["message"]}
print(
    json.dumps(
        {
            "job": job.id,
            "status": job.status,
            "video_tokens": job.usage.total_output_tokens,
            "states": states,
            "clip": b64encode(client.files.download(file=file)).decode(),
            "inline": inline.output_video.data,
            "refusal": refusal,
            "models": [model.name for model in client.models.list()],
        }
    )
)
