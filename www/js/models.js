// @ts-check
/** The published models: their list, labels and groups. */
import { download } from './download.js';

/**
 * A published model, as `models/index.json` lists it.
 * @typedef {object} Published
 * @property {string} name
 * @property {string} family
 * @property {string} dataset
 * @property {string[]} classes
 * @property {boolean} conditional
 * @property {boolean} encodes
 * @property {number} latent
 * @property {number} parameters
 * @property {number} seconds   of training
 * @property {number} epochs
 * @property {string} device    used for training
 * @property {number} seed      of the training run
 * @property {number} bytes     of the files
 * @property {{ epochs: number[], columns: number } | null} history
 * @property {{ count: number, latent: number } | null} latents
 * @property {Record<string, number | null> | null} scores
 */

/**
 * Where a model comes from; a published one has a name only.
 * @typedef {object} Source
 * @property {string} name
 * @property {string} [folder]
 * @property {{ manifest: string, weights: Uint8Array }} [files]
 */

/** Stand-ins for what the index does not say. */
const DEFAULTS = {
  family: '', dataset: '', classes: [], conditional: false, encodes: false, latent: 0, parameters: 0, seconds: 0, epochs: 0, device: '', seed: 0,
  bytes: 0, history: null, latents: null, scores: null,
};

/** @returns {Promise<Published[]>} */
export async function listModels() {
  const response = await download('models/index.json');
  const list = await response.json().catch(() => null);
  if (!Array.isArray(list) || list.length === 0) throw new Error('No model is listed in models/index.json');
  return list.map((model) => ({ ...DEFAULTS, ...model }));
}

/** The subject of each data set. */
const SUBJECTS = /** @type {Record<string, string>} */ ({
  mnist: 'Digits', 'stacked-mnist': 'Digits', 'synthetic-digits': 'Digits', 'fashion-mnist': 'Clothing', 'synthetic-clothing': 'Clothing',
});

/** @param {string} dataset */
export const subjectOf = (dataset) => SUBJECTS[dataset] ?? 'Other';

/**
 * Groups models by subject, in a fixed order.
 * @param {Published[]} models
 * @returns {[string, Published[]][]}
 */
export function groupModels(models) {
  const subjects = ['Digits', 'Clothing', 'Other'];
  const groups = subjects.map((subject) => /** @type {[string, Published[]]} */ (
    [subject, models.filter(({ dataset }) => subjectOf(dataset) === subject)]));
  return groups.filter(([, group]) => group.length > 0);
}

const WORDS = /** @type {Record<string, string>} */ ({
  vae: 'VAE', cvae: 'conditional VAE', gan: 'GAN', cgan: 'conditional GAN', dcgan: 'DCGAN', wgan: 'WGAN', gp: 'GP', ae: 'autoencoder',
});

/**
 * A short label: `mnist-cvae` is a "Conditional VAE", since the subject is shown elsewhere.
 * @param {string} name
 */
export function labelOf(name) {
  const words = name.split('-').filter((word, index) => index > 0 || !['mnist', 'fashion'].includes(word)).filter((word) => word !== 'mnist');
  const label = words.map((word) => WORDS[word] ?? word).join(' ') || name;
  return label[0].toUpperCase() + label.slice(1);
}

/**
 * The label of a model outside its group, with the subject.
 * @param {Published} model
 */
export const titleOf = ({ name, dataset }) => `${labelOf(name)}, ${subjectOf(dataset).toLowerCase()}`;
