"""What people write first: FastAPI, a StableDiffusionPipeline, and a lock around it.

After the idea of the example server of diffusers; the lines are our own.
"""

import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Lock

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel

from benchmarks.bare import SIZE, STEPS, Bare


class Wish(BaseModel):
    """What is to be painted."""

    prompt: str
    num_inference_steps: int = STEPS
    width: int = SIZE
    height: int = SIZE
    seed: int = 0


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model before the first request."""
    app.state.model = Bare()
    yield


app = FastAPI(lifespan=lifespan)
lock = Lock()


@app.get("/health")
def health() -> str:
    """Say that it is there."""
    return "ok"


@app.post("/generate")
def generate(wish: Wish) -> Response:
    """Paint, one at a time."""
    with lock:
        image = app.state.model.paint(
            prompt=wish.prompt,
            steps=wish.num_inference_steps,
            width=wish.width,
            height=wish.height,
            seed=wish.seed,
        )
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return Response(buffer.getvalue(), media_type="image/png")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
