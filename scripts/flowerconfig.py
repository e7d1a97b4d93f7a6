"""How Flower shows the queue, for `./run.sh --with-flower` and for Docker Compose alike.

Its address, port and logins come from the command line and from FLOWER_BASIC_AUTH.
"""

# The prompt's head, the numbers (shared/job_queue.py writes both), and as result what became of the
# job: a worker that has written down a failure has done its task, so the state is SUCCESS then too.
tasks_columns = "args,kwargs,state,result,uuid,received,runtime"
# Some 3 kB of memory each.
max_tasks = 10_000
# Replaced workers leave the list, and the metrics, after an hour.
purge_offline_workers = 3600
