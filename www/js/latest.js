// @ts-check

/**
 * Wraps an action so that it runs once at a time; of the calls made meanwhile only the latest is
 * run. The promise settles when the action has run for that call or a newer one.
 * @template {unknown[]} A
 * @param {(...request: A) => Promise<void>} action
 * @returns {(...request: A) => Promise<void>}
 */
export function latestOnly(action) {
  /** @type {A | null} */
  let waiting = null;
  /** @type {Promise<void> | null} */
  let running = null;
  const work = async () => {
    try {
      while (waiting) {
        const request = waiting;
        waiting = null;
        try {
          await action(...request);
        } catch (error) {
          if (!waiting) throw error; // a newer request makes the error irrelevant
        }
      }
    } finally {
      running = null;
    }
  };
  return (...request) => {
    waiting = request;
    running ??= work();
    return running;
  };
}
