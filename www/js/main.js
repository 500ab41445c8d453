/** Ties the page's controls to the backends and their answers to the page. */
import { freshSeed, parseSeed, readAddress, writeAddress, MAX_SEED } from './address.js';
import { findAdapter } from './adapter.js';
import { download } from './download.js';
import { Engine, EngineError } from './engine.js';
import { Grid } from './grid.js';

const COUNT = 64;
const root = document.documentElement;
const element = (id) => document.getElementById(id);
const grid = new Grid(element('grid'), COUNT);

/** What the person asked for; `class` null draws all classes, `backend` null leaves the choice to the page. */
const wanted = readAddress();
wanted.seed ??= freshSeed();

/** The published models, when it is known that `wanted.model` is one of them. */
const published = settleModel();

/** The backend in use, how the badge calls it, and what has to be said instead of "all is well". */
let active = 'cpu';
let activeName = 'CPU, SIMD';
let notice = '';

// ---- Backends ------------------------------------------------------------------------------------

/** Promises of the engines that are open or opening, by backend. */
const engines = new Map();

function engineFor(backend) {
  if (!engines.has(backend)) {
    const opening = Engine.open(backend, published.then(() => wanted.model));
    const forget = () => { if (engines.get(backend) === opening) engines.delete(backend); };
    engines.set(backend, opening);
    opening.then((engine) => engine.closed.then(forget), forget);
  }
  return engines.get(backend);
}

function use(backend, name) {
  active = backend;
  activeName = name;
}

function useCpuInstead(reason) {
  use('cpu', 'CPU, SIMD (no WebGPU)');
  notice = `WebGPU does not run here, so the CPU does the work. ${sentence(reason)}`;
}

let choices = 0;

/** Settles on a backend and draws. Left to choose, the CPU draws first and a hardware GPU takes over when it is ready. */
async function chooseBackend() {
  const choice = ++choices;
  const outdated = () => choice !== choices;
  const adapterFound = wanted.backend === 'cpu' ? null : findAdapter();

  if (wanted.backend !== 'webgpu') {
    use('cpu', 'CPU, SIMD');
    await draw();
    const adapter = await adapterFound;
    if (outdated() || !adapter || adapter.software) return;
    try {
      await warmUp(await engineFor('webgpu'));
    } catch (error) {
      if (!outdated()) say(`The CPU goes on, because WebGPU did not start. ${sentence(error.message)}`);
      return;
    }
    if (outdated()) return;
    use('webgpu', `WebGPU, ${adapter.name}`);
  } else {
    say('Starting WebGPU…');
    busy(true);
    const adapter = await adapterFound;
    if (outdated()) return;
    if (adapter) use('webgpu', `WebGPU, ${adapter.name}`);
    else useCpuInstead('This browser offers no WebGPU adapter');
  }
  await draw();
}

/** Lets a GPU compile its shaders while the CPU still serves. What is wrong with the model itself shows when it is drawn. */
async function warmUp(engine) {
  try {
    await engine.load(wanted.model);
    await engine.sample(wanted.seed, 0, COUNT);
  } catch (error) {
    if (error instanceof EngineError) throw error;
  }
}

// ---- Drawing -------------------------------------------------------------------------------------

let draws = 0;
let sampling = Promise.resolve();

/** Shows what is wanted now. A later call wins: an older one ends without a trace. */
async function draw() {
  const turn = ++draws;
  const outdated = () => turn !== draws;
  const { model, seed } = wanted;
  let facts = null;
  writeAddress(wanted);
  busy(true);
  try {
    const engine = await engineFor(active);
    if (outdated()) return;
    facts = await engine.load(model);
    // Of all who wait here for a sample under way, only the newest asks for another.
    await sampling.catch(() => { /* its own draw tells */ });
    if (outdated()) return;
    settleClass(facts);
    if (facts.family === 'classifier') throw new Error(`The model ${model} is a classifier: it makes no images`);
    const klass = wanted.class;
    sampling = engine.sample(seed, 0, COUNT, klass);
    const { pixels, milliseconds } = await sampling;
    if (outdated()) return;

    const samples = `${COUNT} samples of ${model}${describeClass(facts, klass)}`;
    grid.show(pixels, facts, `${samples}, seed ${seed}`);
    showFacts(facts);
    showBadge(milliseconds / COUNT);
    say(notice || `${samples}.`, Boolean(notice));
    markFirstGrid();
  } catch (error) {
    if (outdated()) return;
    if (active === 'webgpu' && error instanceof EngineError) {
      useCpuInstead(error.message);
      await draw();
      return;
    }
    grid.clear();
    showFacts(facts);
    if (!facts) offerClasses([]);
    say(sentence(error.message), true);
  }
  busy(false);
}

/** Offers the classes of a model that draws them one by one; a wanted class that it lacks gives way to all. */
function settleClass({ conditional, classes }) {
  const names = conditional ? classes : [];
  if (wanted.class !== null && wanted.class >= names.length) {
    wanted.class = null;
    writeAddress(wanted);
  }
  offerClasses(names);
}

function describeClass({ conditional, classes }, klass) {
  if (!conditional) return '';
  return klass === null ? ', all classes in turn' : `, class ${classes[klass]}`;
}

/** Notes when the first grid was on the screen, once. */
function markFirstGrid() {
  if (root.dataset.painted) return;
  requestAnimationFrame(() => setTimeout(() => {
    if (root.dataset.painted) return;
    performance.mark('first-grid');
    root.dataset.painted = Math.round(performance.now());
  }));
}

function showFacts(facts) {
  element('family').textContent = facts?.family ?? '';
  element('dataset').textContent = facts?.dataset ?? '';
  element('parameters').textContent = facts?.parameters.toLocaleString('en') ?? '';
  element('latent').textContent = facts?.latent ? facts.latent.toLocaleString('en') : ''; // a classifier has none
  element('summary').textContent = facts?.summary ?? '';
}

function showBadge(milliseconds) {
  element('badge').hidden = false;
  element('badge').dataset.backend = active;
  element('backend').textContent = activeName;
  element('speed').textContent = `${milliseconds.toPrecision(2)} ms per image`;
}

/** Marks the grid while it does not show what is wanted. */
function busy(yes) {
  element('grid').setAttribute('aria-busy', yes);
}

function say(text, problem = false) {
  element('status').textContent = text;
  element('status').classList.toggle('problem', problem);
}

/** A message as a sentence of its own. */
function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

// ---- Controls ------------------------------------------------------------------------------------

/** Draws on a person's request, which puts what was said before out of date. */
function redraw(change) {
  Object.assign(wanted, change);
  notice = '';
  showSeed();
  say(`Drawing ${wanted.model}…`);
  draw();
}

async function settleModel() {
  const response = await download('models/index.json');
  const names = await response.json().catch(() => null);
  if (!Array.isArray(names) || names.length === 0) throw new Error('No model is listed in models/index.json');
  if (!names.includes(wanted.model)) {
    if (wanted.model) notice = `There is no model called ${wanted.model} here. This is ${names[0]}.`;
    wanted.model = names[0];
  }
  return names;
}

function offerModels(names) {
  element('models').replaceChildren(...names.map((name) => choice('model', name, name)));
  check('models', wanted.model);
}

/** The classes on offer. */
let offered = [];

/** Offers all classes and each of `names`; without names there is no choice. */
function offerClasses(names) {
  element('class').hidden = names.length === 0;
  if (names.length === 0) return;
  // What is there stays, and with it the keyboard's focus.
  if (names.join('\n') !== offered.join('\n')) {
    const each = names.map((name, index) => choice('class', index, name));
    element('classes').replaceChildren(choice('class', '', 'All'), ...each);
    offered = names;
  }
  check('classes', wanted.class ?? '');
}

/** One of several choices: a radio button with its text. */
function choice(name, value, text) {
  const input = Object.assign(document.createElement('input'), { type: 'radio', name, value });
  const label = document.createElement('label');
  label.append(input, Object.assign(document.createElement('span'), { textContent: text }));
  return label;
}

function check(choices, value) {
  for (const input of element(choices).querySelectorAll('input')) input.checked = input.value === String(value);
}

function connectControls() {
  element('models').addEventListener('change', ({ target }) => redraw({ model: target.value }));
  element('classes').addEventListener('change', ({ target: { value } }) => redraw({ class: value === '' ? null : Number(value) }));
  element('fresh').addEventListener('click', () => redraw({ seed: freshSeed() }));
  element('seed').addEventListener('change', ({ target }) => {
    const seed = parseSeed(target.value);
    target.setAttribute('aria-invalid', seed === null);
    if (seed === null) say(`A seed is a whole number from 0 to ${MAX_SEED}.`, true);
    else redraw({ seed });
  });
  element('backends').addEventListener('change', ({ target }) => {
    wanted.backend = target.value || null;
    notice = '';
    chooseBackend();
  });
}

function showSeed() {
  element('seed').value = wanted.seed;
  element('seed').removeAttribute('aria-invalid');
}

async function begin() {
  showSeed();
  check('backends', wanted.backend ?? '');
  if (wanted.backend !== 'webgpu') engineFor('cpu'); // opens while the list of models is on its way
  offerModels(await published);
  connectControls();
  await chooseBackend();
}

begin().catch((error) => {
  say(sentence(error.message), true);
  busy(false);
});
