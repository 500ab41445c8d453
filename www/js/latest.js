// @ts-check

/**
 * Runs an action for the newest request only: one at a time, and of all that come meanwhile the last one.
 * What comes back settles when the action has been run for that request or a newer one.
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
          if (!waiting) throw error; // otherwise it was about something that nobody wants any more
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
