"""LitServe, as its documentation has it, with the bare model or with a PNG that is ready.

BENCH_PNG is the file of that PNG; without it the model paints.
"""

import io
import os
from pathlib import Path
from typing import Any

import litserve
from fastapi import Response

from benchmarks.bare import SIZE, STEPS, Bare


class AnswersWithFile(litserve.LitAPI):
    """Costs nothing."""

    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe's.
        """Read the picture."""
        self.png = Path(os.environ["BENCH_PNG"]).read_bytes()

    def decode_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take it as it is."""
        return request

    def predict(self, request: dict[str, Any]) -> bytes:  # noqa: ARG002  # LitServe's.
        """Give the picture."""
        return self.png

    def encode_response(self, png: bytes) -> Response:
        """Answer with it."""
        return Response(png, media_type="image/png")


class Paints(AnswersWithFile):
    """Paints with the bare model."""

    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe's.
        """Load it."""
        self.model = Bare()

    def predict(self, request: dict[str, Any]) -> bytes:
        """Paint."""
        image = self.model.paint(
            prompt=request["prompt"],
            steps=request.get("num_inference_steps", STEPS),
            width=request.get("width", SIZE),
            height=request.get("height", SIZE),
            seed=request.get("seed", 0),
        )
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        return buffer.getvalue()


if __name__ == "__main__":
    api = AnswersWithFile() if "BENCH_PNG" in os.environ else Paints()
    server = litserve.LitServer(api, accelerator="auto", timeout=False)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        generate_client_file=False,
        log_level="warning",
    )
