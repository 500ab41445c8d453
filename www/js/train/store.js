// @ts-check
/**
 * Stores the run in the browser: its setup, last snapshot and loss curves. One tab at a time may
 * write it. Training also works without a database.
 */

/**
 * @typedef {import('./trainer.js').Setup & { name: string, step: number, steps: number, curves:
 * object, device: string, kept: number }} SavedRun
 */

const [DATABASE, RUNS, KEY, LOCK] = ['imago', 'runs', 'current', 'imago-run'];

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(RUNS);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('another tab blocks the database'));
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(runs: IDBObjectStore) => IDBRequest<T>} action
 * @returns {Promise<T>}
 */
async function transact(mode, action) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(RUNS, mode);
      const request = action(transaction.objectStore(RUNS));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error ?? request.error);
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  } finally {
    database.close();
  }
}

/** The stored run, or null. @returns {Promise<SavedRun | null>} */
export async function loadRun() {
  return await transact('readonly', (runs) => runs.get(KEY)) ?? null;
}

/** Stores a run, replacing an earlier one. @param {SavedRun} run */
export async function saveRun(run) {
  await transact('readwrite', (runs) => runs.put(run, KEY));
}

/** Deletes the stored run. */
export async function deleteRun() {
  await transact('readwrite', (runs) => runs.delete(KEY));
}

/** The message when a run could not be stored. @param {unknown} error */
export function saveFailure(error) {
  const name = error instanceof Error ? error.name : '';
  const reason = name === 'QuotaExceededError'
    ? 'The browser has no space left for this run'
    : 'This browser does not let the page save its run (a private window?)';
  return `${reason}. Training continues, but a reload would lose it.`;
}

/** Whether this tab holds the lock. @type {Promise<boolean> | null} */
let holdsLock = null;

/** Whether this tab may write the run; if so, until it is closed. @returns {Promise<boolean>} */
export function maySave() {
  if (!navigator.locks) return Promise.resolve(true);
  holdsLock ??= new Promise((resolve) => {
    navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      if (!lock) {
        holdsLock = null; // ask again: the other tab may have been closed
        return undefined;
      }
      return new Promise(() => { /* until the tab is closed */ });
    }).catch(() => resolve(true));
  });
  return holdsLock;
}
