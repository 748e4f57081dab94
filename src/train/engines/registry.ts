/** The engines that can be named in options. */

import { type Engine, type EngineOptions, engineOptions } from './engine.ts';
import { onnxEngine } from './onnx/engine.ts';
import { referenceEngine } from './reference.ts';

export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const { kind, device, threads } = engineOptions.parse(options);
  switch (kind) {
    case 'onnx':
      return onnxEngine({ device, threads });
    case 'reference':
      return referenceEngine();
    default:
      return kind satisfies never;
  }
}
