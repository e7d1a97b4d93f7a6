// What was asked for with a job.

/** Give what submits a job again: the picture, its turn, and whom to tell. */
export function askedFor({ request, priority, webhook }) {
  const beside = {};
  if (priority && priority !== "normal") beside.priority = priority;
  if (webhook) beside.webhook_url = webhook.url;
  return { ...request, ...beside };
}
