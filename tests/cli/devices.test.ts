import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { devicesLines } from '../../src/cli/devices-command.ts';

describe('provender devices', () => {
  it('prints a line a device: how fast it is, or why it cannot be used', () => {
    const lines = devicesLines(
      [
        { kind: 'onnx', device: 'cpu', probe: { works: true, gigaflops: 93.7 } },
        { kind: 'onnx', device: 'webgpu', probe: { works: true, gigaflops: 4321.4 } },
        { kind: 'tensorflow', device: 'cuda', probe: { works: false, reason: 'crashed (SIGSEGV)' } },
      ],
      2,
      'webgpu',
    );
    expect(lines.map(stripVTControlCharacters)).toEqual([
      'onnx        cpu     yes  94 GFLOP/s in matrix products, 2 threads',
      'onnx        webgpu  yes  4,321 GFLOP/s in matrix products',
      'tensorflow  cuda    no   crashed (SIGSEGV)',
      '',
      'engine: { device: auto } takes webgpu',
    ]);
  });
});
