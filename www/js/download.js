// @ts-check
/** Fetches files of this site, with errors that name the file. */

/** The folder that holds `index.html`, wherever the site is mounted. */
const SITE = new URL('../', import.meta.url);

/**
 * The response for a path relative to the page's folder.
 * Throws an Error with the path and the HTTP status or network error.
 * @param {string} path
 * @param {RequestInit} [options]
 */
export async function download(path, options) {
  let response;
  try {
    response = await fetch(new URL(path, SITE), options);
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'AbortError') throw error;
    throw new Error(`Cannot fetch ${path}: ${error.message}`);
  }
  if (!response.ok) throw new Error(`Cannot fetch ${path}: HTTP ${response.status} ${response.statusText}`.trim());
  return response;
}
