// @ts-check
/**
 * The run that the browser keeps, so that nothing is lost with the tab: its setup, its last snapshot and its losses so far.
 * One tab at a time may write it. Without a database the page trains all the same.
 */

/** @typedef {import('./trainer.js').Setup & { name: string, step: number, steps: number, curves: object, device: string, kept: number }} Kept */

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

/** The kept run, or null. @returns {Promise<Kept | null>} */
export async function keptRun() {
  return await transact('readonly', (runs) => runs.get(KEY)) ?? null;
}

/** Keeps a run in place of an earlier one. @param {Kept} run */
export async function keepRun(run) {
  await transact('readwrite', (runs) => runs.put(run, KEY));
}

/** Forgets the kept run. */
export async function forgetRun() {
  await transact('readwrite', (runs) => runs.delete(KEY));
}

/** What to tell a person when a run could not be kept. @param {unknown} error */
export function notKept(error) {
  const name = error instanceof Error ? error.name : '';
  const why = name === 'QuotaExceededError'
    ? 'The browser has no more room to keep this run'
    : 'This browser does not let the page keep its run (a private window?)';
  return `${why}. Training goes on, but a reload would lose it.`;
}

/** Held as long as this tab may write the run. @type {Promise<boolean> | null} */
let mine = null;

/** Whether this tab is the one that keeps its run, which it stays until it is closed. @returns {Promise<boolean>} */
export function isKeeper() {
  if (!navigator.locks) return Promise.resolve(true);
  mine ??= new Promise((resolve) => {
    navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      resolve(Boolean(lock));
      if (!lock) {
        mine = null; // the other tab may be closed later
        return undefined;
      }
      return new Promise(() => { /* until the tab is closed */ });
    }).catch(() => resolve(true));
  });
  return mine;
}
