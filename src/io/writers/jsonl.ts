import type { DocumentBatch } from '../../core/batch.ts';
import type { Sink } from '../../core/stage.ts';
import { JsonLines, type JsonlCompression } from './json-lines.ts';
import { type Layout, layOut } from './layouts.ts';

/** Writes documents as JSON lines. What it writes depends on the documents alone, not on how they are batched. */
export class JsonlSink implements Sink<DocumentBatch> {
  private readonly lines: JsonLines;
  private readonly layout: Layout;

  constructor(path: string, layout: Layout, compression: JsonlCompression) {
    this.lines = new JsonLines(path, compression);
    this.layout = layout;
  }

  async add(batch: DocumentBatch): Promise<void> {
    for (let i = 0; i < batch.length; i++) {
      const full = this.lines.addWithText(layOut(this.layout, batch.rows[i]!), batch.bytes(i));
      if (full) await full;
    }
  }

  finish(): Promise<void> {
    return this.lines.finish();
  }

  abandon(): Promise<void> {
    return this.lines.abandon();
  }
}
