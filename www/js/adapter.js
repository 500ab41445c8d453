// @ts-check
/** Finds the WebGPU adapter, before anything large is downloaded for it. */

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;
/** @type {Record<string, string>} */
const SPELLING = { amd: 'AMD', arm: 'Arm', nvidia: 'NVIDIA', swiftshader: 'SwiftShader' };

/**
 * The WebGPU adapter of this browser as `{ name, software }`, or null where there is none.
 * A software adapter computes on the CPU, slower than the CPU module does.
 */
export async function findAdapter() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return null;
  const info = adapter.info ?? {};
  // Browsers differ in where they report it.
  const { isFallbackAdapter } = /** @type {{ isFallbackAdapter?: boolean }} */ (adapter);
  const words = [info.vendor, info.architecture, info.device, info.description].join(' ');
  return {
    name: adapterName(info),
    software: Boolean(isFallbackAdapter || info.isFallbackAdapter || SOFTWARE.test(words)),
  };
}

/**
 * A readable name: the description if the browser gives one, otherwise vendor and architecture.
 * @param {Partial<GPUAdapterInfo>} info
 */
function adapterName({ vendor, architecture, description }) {
  if (description) return description;
  const parts = [vendor ?? '', architecture ?? ''].filter(Boolean);
  return parts.map((part) => SPELLING[part] ?? part[0].toUpperCase() + part.slice(1)).join(' ') || 'unnamed adapter';
}
