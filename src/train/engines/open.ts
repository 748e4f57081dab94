/** Opens an engine on a device that is known by name; what is not there is an error. */

import type { Engine } from './engine.ts';
import { onnxEngine } from './onnx/engine.ts';
import type { Attempt } from './probe.ts';
import { referenceEngine } from './reference.ts';
import { tensorFlowEngine } from './tensorflow/engine.ts';
import type { TensorFlowDevice } from './tensorflow/packages.ts';

export async function openOn({ kind, device, threads }: Attempt): Promise<Engine> {
  switch (kind) {
    case 'onnx':
      return onnxEngine({ device, threads });
    case 'tensorflow':
      return tensorFlowEngine(device as TensorFlowDevice);
    case 'reference':
      return referenceEngine();
    default:
      return kind satisfies never;
  }
}
