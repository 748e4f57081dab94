import type { Amount, Funnel } from '../../decision.ts';
import type { Inspector } from '../inspector.ts';
import { barOf, bytes, count, element, percent } from './elements.ts';

function signed(n: number): string {
  return n === 0 ? '' : ` (${n > 0 ? '+' : '−'}${count(Math.abs(n))})`;
}

/** What is kept, as the bar that stays in sight says it. */
export function drawKept(root: HTMLElement, funnel: Funnel, before: Funnel): void {
  const { documents, kept } = funnel;
  const part = (label: string, text: string): HTMLElement =>
    element('span', '', element('b', '', text), ` ${label}`);
  root.replaceChildren(
    part(
      `of ${count(documents.documents)} documents kept, ${percent(kept.documents, documents.documents)}${signed(kept.documents - before.kept.documents)}`,
      count(kept.documents),
    ),
    part('of text', bytes(kept.bytes)),
    part(`tokens${signed(kept.tokens - before.kept.tokens)}`, count(kept.tokens)),
  );
}

/** Step by step: what came, what went on, and why the rest did not. */
export function drawFunnel(root: HTMLElement, inspector: Inspector, funnel: Funnel): void {
  const { steps, checks } = inspector.data;
  const all = funnel.documents.documents;
  root.replaceChildren(
    ...steps.flatMap((name, s) => {
      const came = funnel.came[s]!;
      const went = funnel.went[s]!;
      const reasons = checks
        .flatMap(({ step, reason }, c) => (step === s ? [{ reason, drops: funnel.checks[c]!.drops }] : []))
        .filter(({ drops }) => drops.documents > 0)
        .sort((a, b) => b.drops.documents - a.drops.documents);
      const lost = came.documents - went.documents;
      if (!checks.some(({ step }) => step === s)) return [];
      const item = element(
        'li',
        '',
        element(
          'div',
          'head',
          element('b', '', name),
          element(
            'span',
            '',
            `${count(came.documents)} in, ${count(went.documents)} kept (${percent(went.documents, came.documents)}), ${bytes(came.bytes - went.bytes)} lost`,
          ),
        ),
        barOf(`${name}: ${count(went.documents)} kept, ${count(lost)} dropped`, [
          ['kept', went.documents / all],
          ['drop', lost / all],
        ]),
      );
      if (reasons.length > 0)
        item.append(
          element(
            'ul',
            'reasons',
            ...reasons.map(({ reason, drops }) => element('li', '', `${reason} ${count(drops.documents)}`)),
          ),
        );
      return [item];
    }),
  );
}

function tableOf(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly (Node | string)[])[],
): HTMLElement {
  const cell = (tag: 'th' | 'td', content: Node | string, i: number): HTMLElement =>
    element(tag, i === 0 ? '' : 'n', content);
  return element(
    'div',
    'scroll',
    element(
      'table',
      '',
      element('caption', '', caption),
      element('thead', '', element('tr', '', ...head.map((text, i) => cell('th', text, i)))),
      element(
        'tbody',
        '',
        ...rows.map((row) =>
          element('tr', '', ...row.map((content, i) => cell(i === 0 ? 'th' : 'td', content, i))),
        ),
      ),
    ),
  );
}

/** Which filters drop the same documents. */
export function drawOverlap(root: HTMLElement, inspector: Inspector, funnel: Funnel): void {
  const shown = inspector.data.steps.flatMap((_, s) => (funnel.breaks[s]!.documents > 0 ? [s] : []));
  const name = (s: number): string => inspector.data.steps[s]!;
  root.replaceChildren(
    shown.length === 0
      ? element('p', 'absent', 'No filter drops anything.')
      : tableOf(
          'Documents that break rules of both; on the diagonal, of the step at all',
          ['', ...shown.map(name), 'no other'],
          shown.map((a) => [
            name(a),
            ...shown.map((b) => count(funnel.overlap[a]![b]!)),
            count(funnel.alone[a]!),
          ]),
        ),
  );
}

const MOST_ROWS = 30;

export function drawLabels(
  root: HTMLElement,
  title: string,
  names: readonly string[],
  rows: readonly { readonly documents: Amount; readonly kept: Amount }[],
): void {
  const order = [...names.keys()].sort((a, b) => rows[b]!.documents.documents - rows[a]!.documents.documents);
  root.replaceChildren(
    tableOf(
      names.length > MOST_ROWS ? `The ${MOST_ROWS} largest of ${count(names.length)}` : '',
      [title, 'documents', 'kept', '', 'text kept', 'tokens kept'],
      order.slice(0, MOST_ROWS).map((i) => {
        const { documents, kept } = rows[i]!;
        return [
          names[i] || '(unknown)',
          count(documents.documents),
          count(kept.documents),
          percent(kept.documents, documents.documents),
          bytes(kept.bytes),
          count(kept.tokens),
        ];
      }),
    ),
  );
}
