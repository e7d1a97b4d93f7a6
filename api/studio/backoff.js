// Waiting before the next try: longer each time, never longer than needed.

const FIRST_SECONDS = 0.5;
const LONGEST_SECONDS = 8;

/** Give how long to wait before the try after this many failed ones, a little at random. */
export function delaySeconds(failures) {
  const seconds = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** failures);
  return seconds * (0.75 + Math.random() / 2);
}

/** Wait, at most until the network is back; raises when `signal` is aborted. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle) => () => {
      clearTimeout(timer);
      removeEventListener("online", goOn);
      signal?.removeEventListener("abort", stop);
      settle();
    };
    const goOn = end(resolve);
    const stop = end(() => reject(signal.reason));
    const timer = setTimeout(goOn, seconds * 1000);
    addEventListener("online", goOn);
    signal?.addEventListener("abort", stop);
    if (signal?.aborted) stop();
  });
}

/** Try until it does not fail by the network; `onFailure` is told of each time that it does. */
export async function persist(attempt, { signal, onFailure = () => {} } = {}) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!error.isPassing || signal?.aborted) throw error;
      onFailure(error);
      await pause(error.retryAfter ?? delaySeconds(failures), signal);
    }
  }
}
