// @ts-check
/** The user's own model: its two files, chosen or dropped on the page. */
import { element } from './dom.js';

/** The largest files that the page accepts, in bytes. */
const MAX_BYTES = { manifest: 8e6, weights: 256e6 };

/**
 * Lets the user choose files, or drop them or their folder anywhere on the page.
 * @param {(files: File[]) => void} taken
 */
export function takeModels(taken) {
  const input = element('files', HTMLInputElement);
  element('open', HTMLElement).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    taken([...input.files ?? []]);
    input.value = ''; // so that the same files can be chosen again
  });

  const hasFiles = (/** @type {DragEvent} */ { dataTransfer }) => dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  addEventListener('dragleave', ({ relatedTarget }) => {
    if (!relatedTarget) document.body.classList.remove('dropping');
  });
  addEventListener('drop', async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove('dropping');
    taken(await dropped(event.dataTransfer));
  });
}

/**
 * The dropped files, including those in folders.
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
  const entries = [];
  // Browsers list large folders in parts.
  /** @type {FileSystemEntry[]} */
  let part;
  do {
    part = await new Promise((done, failed) => reader.readEntries(done, failed));
    entries.push(...part);
  } while (part.length > 0);
  const included = depth > 1 ? entries : entries.filter(({ isFile }) => isFile);
  return (await Promise.all(included.map((child) => filesIn(child, depth - 1)))).flat();
}

/**
 * Reads a model from its files. Throws an Error that says what is missing.
 * @param {File[]} files
 * @returns {Promise<import('./models.js').Source>}
 */
export async function readModel(files) {
  const manifest = one(files, '.ron', 'model.ron');
  const weights = one(files, '.bpk', 'weights.bpk');
  for (const [file, limit] of /** @type {const} */ ([[manifest, MAX_BYTES.manifest], [weights, MAX_BYTES.weights]])) {
    if (file.size > limit) throw new Error(`${file.name} is too large for this page: ${Math.round(file.size / 1e6)} MB`);
  }
  return {
    name: 'your model',
    files: { manifest: await manifest.text(), weights: new Uint8Array(await weights.arrayBuffer()) },
  };
}

/**
 * The file with an extension. The usual name takes precedence, since the folder of a model may
 * hold others.
 * @param {File[]} files
 * @param {string} extension
 * @param {string} usual
 */
function one(files, extension, usual) {
  const candidates = files.filter(({ name }) => name.endsWith(extension));
  const found = candidates.find(({ name }) => name === usual) ?? (candidates.length === 1 ? candidates[0] : null);
  if (found) return found;
  const among = files.length > 0 ? ` among ${files.map(({ name }) => name).join(', ')}` : '';
  throw new Error(`A model needs both model.ron and weights.bpk: found ${candidates.length > 1 ? `several ${extension} files` : `no ${usual}`}${among}`);
}
