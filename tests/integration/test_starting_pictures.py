"""A picture from a picture, through everything."""

import httpx
from PIL import Image

from tests.integration.test_pictures import QUICK, open_picture, paint
from tests.support.input_pictures import encoded


def test_one_part_of_a_picture_is_painted_anew(client: httpx.Client) -> None:
    first = paint(client)
    mask = Image.new("L", (256, 256), 0)
    mask.paste(255, (64, 64, 192, 192))
    form = {"prompt": "a green circle on a blue background", "seed": "7", "strength": "0.8"}
    form["num_inference_steps"] = str(QUICK["num_inference_steps"])
    files = {"init_image": first.content, "mask": encoded(mask)}
    response = client.post("/generate", data=form, files=files)
    assert response.status_code == 200, response.text

    before, after = open_picture(first), open_picture(response)
    corner = (0, 0, 256, 64)
    assert after.crop(corner).tobytes() == before.crop(corner).tobytes()
    assert after.tobytes() != before.tobytes()
    job = client.get(f"/jobs/{response.headers['x-job-id']}").json()
    assert (job["progress"]["step"], job["progress"]["total"]) == (4, 4)

    info = client.post("/png-info", content=response.content).json()
    assert client.post("/generate", json=info["request"]).content == response.content
