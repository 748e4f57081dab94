/**
 * Named sizes. The DataDecide ones (arXiv 2504.11393, appendix, table 2) rank training data well while they are
 * small. Their names count parameters without the input embedding, at a vocabulary padded to 50,304.
 */

interface Preset {
  readonly family: 'gpt2' | 'llama' | 'bert';
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden?: number;
  readonly context: number;
}

const datadecide = (width: number, layers: number, heads: number): Preset => ({
  family: 'llama',
  layers,
  width,
  heads,
  // Their "MLP ratio 8" is what the two halves of a SwiGLU have together.
  hidden: 4 * width,
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
  'datadecide-60M': datadecide(384, 16, 12),
  'datadecide-90M': datadecide(528, 16, 12),
  'datadecide-150M': datadecide(768, 12, 12),
  'gpt2-124M': { family: 'gpt2', layers: 12, width: 768, heads: 12, context: 1024 },
  'bert-base': { family: 'bert', layers: 12, width: 768, heads: 12, context: 512 },
} as const satisfies Readonly<Record<string, Preset>>;

/** The vocabulary that the published models have; trainings here have that of their tokenizer. */
export function presetVocabulary(name: keyof typeof modelPresets): number {
  if (name === 'gpt2-124M') return 50_257;
  return name === 'bert-base' ? 30_522 : 50_304;
}
