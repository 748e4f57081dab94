import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** dist/kernels, from dist/core/wasm.js and from src/core/wasm.ts alike. */
const KERNELS = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/kernels/' : '../kernels/',
  import.meta.url,
);
const modules = new Map<string, WebAssembly.Module>();

/**
 * Instantiates the AssemblyScript kernel `name` over a memory of its own (compiled once a thread).
 * The kernel's exports are its functions; the caller lays out the memory itself.
 */
export function loadKernel<Exports>(
  name: string,
  initialPages = 1,
): { exports: Exports; memory: WebAssembly.Memory } {
  let module = modules.get(name);
  if (!module) {
    module = new WebAssembly.Module(readFileSync(fileURLToPath(new URL(`${name}.wasm`, KERNELS))));
    modules.set(name, module);
  }
  const memory = new WebAssembly.Memory({ initial: initialPages, maximum: 65536 });
  const abort = (): never => {
    throw new Error(`kernel ${name} aborted`);
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
  return { exports: instance.exports as Exports, memory };
}
