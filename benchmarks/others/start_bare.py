"""The least that a worker's start can cost: the imports, the load, one small picture."""

from benchmarks.bare import Bare

if __name__ == "__main__":
    Bare().paint(steps=5, width=256, height=256)
    print("ready", flush=True)
