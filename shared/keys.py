"""Names of everything the service keeps in Redis.

| key | what |
| --- | --- |
| `semantic-bit:job:{id}` | the record, as JSON; expires only once it is final |
| `semantic-bit:ended:{id}` | remembers, for longer than the record, that the job was there |
| `semantic-bit:events:{id}` | stream of what happened to the job; expires with the record |
| `semantic-bit:queued` | sorted set of the ids that wait, by their turn |
| `semantic-bit:turns` | hash of the turn that each owner's next job gets, and of the present one |
| `semantic-bit:out` | hash of the ids that wait and whose message is out, with its queue |
| `semantic-bit:waiting` | sorted set of the ids that wait, by the time of their submission |
| `semantic-bit:held` | sorted set of the ids that a worker holds, by the end of the lease |
| `semantic-bit:work` | hash of what each unfinished job asks of a worker, for estimates |
| `semantic-bit:jobs:{owner}:{state}` | sorted sets of `{time}:{id}`; without a state all |
| `semantic-bit:expiries` | sorted set of the listings' members, by the end of their record |
| `semantic-bit:deliveries` | sorted set of the ids whose webhook is to be tried, by when that is |
| `semantic-bit:idempotency:{hash}` | what an idempotency key leads to; expires with its job |
| `semantic-bit:loras:{worker}` | hash of the LoRAs that a worker has, by name |
| `semantic-bit:process:{worker}` | which process had this worker's name last |
| `semantic-bit:tokenizer:{hash}` | JSON of a live model's tokenizer, compressed, to count with |
| `semantic-bit:input:{owner}:{sha256}` | a PNG that jobs begin with; expires unless one uses it |
| `semantic-bit:workers-change` | is another one with every heartbeat |
| `semantic-bit:changes` | channel that says `{id} {state}` at every change, and `{id} preview` |
| `semantic-bit:ends` | channel that says `{id} {record}` at every end, just before that |
"""

from shared.job_parts import JobState

PREFIX = "semantic-bit:"
CHANGES_CHANNEL = f"{PREFIX}changes"
ENDS_CHANNEL = f"{PREFIX}ends"
QUEUED = f"{PREFIX}queued"
TURNS = f"{PREFIX}turns"
SENT = f"{PREFIX}out"
WAITING = f"{PREFIX}waiting"
WORKERS = f"{PREFIX}workers"
WORKERS_CHANGE = f"{PREFIX}workers-change"
HELD = f"{PREFIX}held"
WORK = f"{PREFIX}work"
LISTED = f"{PREFIX}jobs"
EXPIRIES = f"{PREFIX}expiries"
DELIVERIES = f"{PREFIX}deliveries"


def record_key(job_id: str) -> str:
    """Name the record of a job."""
    return f"{PREFIX}job:{job_id}"


def ended_key(job_id: str) -> str:
    """Name what remembers that a job was there."""
    return f"{PREFIX}ended:{job_id}"


def events_key(job_id: str) -> str:
    """Name the stream of a job's events."""
    return f"{PREFIX}events:{job_id}"


def tokenizer_key(tokenizer_id: str) -> str:
    """Name the JSON of a tokenizer."""
    return f"{PREFIX}tokenizer:{tokenizer_id}"


def idempotency_key(idempotency: str | None) -> str:
    """Name what an idempotency key leads to."""
    return f"{PREFIX}idempotency:{idempotency or ''}"


def loras_key(worker: str) -> str:
    """Name what says which LoRAs a worker has."""
    return f"{PREFIX}loras:{worker}"


def input_key(owner: str, reference: str) -> str:
    """Name a picture that an owner's jobs begin with, by its `sha256:…`."""
    return f"{PREFIX}input:{owner}:{reference.removeprefix('sha256:')}"


def listed_key(owner: str, state: JobState | None) -> str:
    """Name the listing of an owner's jobs in a state, or of all."""
    return f"{LISTED}:{owner}:{state or ''}"
