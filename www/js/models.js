// @ts-check
/** The published models: the list of them, what they are called and what belongs together. */
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
 * @property {number} seconds   that training took
 * @property {number} epochs
 * @property {string} device    that it was trained on
 * @property {number} seed      of its training
 * @property {number} bytes     of its files
 * @property {{ epochs: number[], columns: number } | null} history
 * @property {{ count: number, latent: number } | null} latents
 * @property {Record<string, number | null> | null} scores
 */

/**
 * Where a model comes from: a published one has its name only.
 * @typedef {{ name: string, folder?: string, files?: { manifest: string, weights: Uint8Array } }} Source
 */

/** What is not known of a model before it is loaded. */
const UNKNOWN = {
  family: '', dataset: '', classes: [], conditional: false, encodes: false, latent: 0, parameters: 0, seconds: 0, epochs: 0, device: '', seed: 0,
  bytes: 0, history: null, latents: null, scores: null,
};

/** @returns {Promise<Published[]>} */
export async function listModels() {
  const response = await download('models/index.json');
  const list = await response.json().catch(() => null);
  if (!Array.isArray(list) || list.length === 0) throw new Error('No model is listed in models/index.json');
  return list.map((model) => ({ ...UNKNOWN, ...model }));
}

/** What a data set shows. */
const SUBJECTS = /** @type {Record<string, string>} */ ({
  mnist: 'Digits', 'stacked-mnist': 'Digits', 'synthetic-digits': 'Digits', 'fashion-mnist': 'Clothing', 'synthetic-clothing': 'Clothing',
});

/** @param {string} dataset */
export const subjectOf = (dataset) => SUBJECTS[dataset] ?? 'Other';

/**
 * Models by what they show, in a fixed order.
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
 * A short name for people: `mnist-cvae` is a "Conditional VAE", since what it draws is said elsewhere.
 * @param {string} name
 */
export function labelOf(name) {
  const words = name.split('-').filter((word, index) => index > 0 || !['mnist', 'fashion'].includes(word)).filter((word) => word !== 'mnist');
  const label = words.map((word) => WORDS[word] ?? word).join(' ') || name;
  return label[0].toUpperCase() + label.slice(1);
}

/**
 * What a model is called where the others of its kind are not beside it.
 * @param {Published} model
 */
export const titleOf = ({ name, dataset }) => `${labelOf(name)}, ${subjectOf(dataset).toLowerCase()}`;
