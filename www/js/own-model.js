// @ts-check
/** A model of the person's own: its two files, chosen or dropped on the page. */
import { element } from './dom.js';

/** Bytes that a file may have: what is larger is no model for a page. */
const LARGEST = { manifest: 8e6, weights: 256e6 };

/**
 * Lets a person choose files, or drop them or their folder anywhere on the page.
 * @param {(files: File[]) => void} taken
 */
export function takeModels(taken) {
  const input = element('files', HTMLInputElement);
  element('open', HTMLElement).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    taken([...input.files ?? []]);
    input.value = ''; // the same files may be chosen again when they have changed
  });

  const offers = (/** @type {DragEvent} */ { dataTransfer }) => dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', (event) => {
    if (!offers(event)) return;
    event.preventDefault();
    document.body.classList.add('offered');
  });
  addEventListener('dragleave', ({ relatedTarget }) => {
    if (!relatedTarget) document.body.classList.remove('offered');
  });
  addEventListener('drop', async (event) => {
    if (!offers(event)) return;
    event.preventDefault();
    document.body.classList.remove('offered');
    taken(await dropped(event.dataTransfer));
  });
}

/**
 * The files that were dropped, those in folders included.
 * @param {DataTransfer | null} transfer
 */
async function dropped(transfer) {
  const entries = [...transfer?.items ?? []].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer?.files ?? []];
  const files = await Promise.all(entries.map((entry) => entry && filesIn(entry, 1)));
  return files.flatMap((some) => some ?? []).map(({ file }) => file);
}

/**
 * A dropped file, or the files of a dropped folder up to `depth` folders deep.
 * @param {FileSystemEntry} entry
 * @param {number} depth
 * @returns {Promise<{ path: string, file: File }[]>}
 */
export async function filesIn(entry, depth) {
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((done, failed) => /** @type {FileSystemFileEntry} */ (entry).file(done, failed));
    return [{ path: entry.fullPath.slice(1), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const inside = [];
  // A browser lists a large folder in parts.
  /** @type {FileSystemEntry[]} */
  let part;
  do {
    part = await new Promise((done, failed) => reader.readEntries(done, failed));
    inside.push(...part);
  } while (part.length > 0);
  const wanted = depth > 1 ? inside : inside.filter(({ isFile }) => isFile);
  return (await Promise.all(wanted.map((below) => filesIn(below, depth - 1)))).flat();
}

/**
 * The model that files make. Throws an Error that says what is missing.
 * @param {File[]} files
 * @returns {Promise<import('./models.js').Source>}
 */
export async function readModel(files) {
  const manifest = one(files, '.ron', 'model.ron');
  const weights = one(files, '.bpk', 'weights.bpk');
  const problem = 'is too large for this page';
  if (manifest.size > LARGEST.manifest) throw new Error(`${manifest.name} ${problem}: ${megabytes(manifest.size)}`);
  if (weights.size > LARGEST.weights) throw new Error(`${weights.name} ${problem}: ${megabytes(weights.size)}`);
  return {
    name: 'your model',
    files: { manifest: await manifest.text(), weights: new Uint8Array(await weights.arrayBuffer()) },
  };
}

/**
 * The one file with an ending. A folder of a model has other files of that ending too, so the usual name goes first.
 * @param {File[]} files
 * @param {string} ending
 * @param {string} usual
 */
function one(files, ending, usual) {
  const some = files.filter(({ name }) => name.endsWith(ending));
  const found = some.find(({ name }) => name === usual) ?? (some.length === 1 ? some[0] : null);
  if (found) return found;
  const among = files.length > 0 ? ` among ${files.map(({ name }) => name).join(', ')}` : '';
  throw new Error(`A model needs both model.ron and weights.bpk: found ${some.length > 1 ? `several ${ending} files` : `no ${usual}`}${among}`);
}

/** @param {number} bytes */
const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
