"""The Celery application that Flower looks at: `celery --app=scripts.flower_app flower`."""

from shared.job_queue import create_celery
from shared.settings import load_settings

app = create_celery(load_settings().redis_url)
