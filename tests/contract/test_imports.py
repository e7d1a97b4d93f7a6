import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import importlib, sys
importlib.import_module(sys.argv[1])
loaded = {name.split(".")[0] for name in sys.modules}
print(*sorted(loaded & set(sys.argv[2].split(","))))
"""


def loaded_by(module: str, *, among: str) -> str:
    """Give which of the packages a fresh interpreter loads with the module."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, among],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


class TestImports:
    def test_the_api_loads_neither_the_worker_nor_what_the_model_needs(self) -> None:
        heavy = "torch,diffusers,transformers,accelerate,safetensors,tokenizers,numpy,PIL,worker"
        assert loaded_by("api.main", among=heavy) == ""

    @pytest.mark.parametrize("module", ["worker.main", "worker.runner", "worker.tasks"])
    def test_the_worker_loads_no_http_and_before_its_fork_no_torch(self, module: str) -> None:
        unwanted = "fastapi,starlette,uvicorn,api,torch,diffusers,transformers"
        assert loaded_by(module, among=unwanted) == ""

    def test_the_delivery_worker_loads_nothing_that_is_heavy(self) -> None:
        heavy = "torch,diffusers,transformers,numpy,PIL,fastapi,starlette,uvicorn,api"
        assert loaded_by("worker.webhooks.main", among=heavy) == ""
