/** Named sizes. The DataDecide ones (arXiv 2504.11393, table 1) rank training data well while they are small. */

interface Preset {
  readonly family: 'gpt2' | 'llama' | 'bert';
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly context: number;
}

const datadecide = (width: number, layers: number, heads: number): Preset => ({
  family: 'llama',
  layers,
  width,
  heads,
  context: 2048,
});

export const modelPresets = {
  'datadecide-4M': datadecide(64, 8, 8),
  'datadecide-6M': datadecide(96, 8, 8),
  'datadecide-8M': datadecide(128, 8, 8),
  'datadecide-10M': datadecide(144, 8, 8),
  'datadecide-14M': datadecide(192, 8, 8),
  'datadecide-16M': datadecide(208, 8, 8),
  'datadecide-20M': datadecide(192, 16, 8),
  'gpt2-124M': { family: 'gpt2', layers: 12, width: 768, heads: 12, context: 1024 },
  'bert-base': { family: 'bert', layers: 12, width: 768, heads: 12, context: 512 },
} as const satisfies Readonly<Record<string, Preset>>;
