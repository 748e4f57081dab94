import type { DocumentRow } from '../../core/batch.ts';
import type { Json } from '../../core/document.ts';

export const LAYOUTS = ['provender', 'dolma', 'datatrove'] as const;
export type Layout = (typeof LAYOUTS)[number];

type Fields = Readonly<Record<string, Json | undefined>> & { readonly text: '' };

/**
 * A document as an object of the layout; its text is left to the writer. Fields that are undefined are left out by JSON.
 */
export function layOut(layout: Layout, row: DocumentRow): Fields {
  const { id, corpus, source, start, end, split, group, metadata, signals } = row;
  const text = '';
  switch (layout) {
    case 'provender':
      return { id, text, corpus, source, start, end, split, group, metadata, signals };
    case 'dolma': {
      // Dolma's `source` is the dataset; `created` is when the text was written (allenai/dolma, docs/data-format.md).
      const created = typeof metadata.date === 'string' ? metadata.date : undefined;
      return {
        id,
        text,
        source: corpus,
        created,
        metadata: { ...metadata, file: source, start, end, split, ...signals },
      };
    }
    case 'datatrove':
      // datatrove's JsonlReader: `text`, `id` and everything else under `metadata`.
      return {
        text,
        id,
        metadata: { ...metadata, dataset: corpus, file_path: source, start, end, split, ...signals },
      };
    default:
      return layout satisfies never;
  }
}
