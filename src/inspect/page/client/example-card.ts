import type { Inspector } from '../inspector.ts';
import type { PageExample } from '../page-types.ts';
import { element, figure } from './elements.ts';

/** A document's name, what becomes of it, and its beginning. */
export function exampleCard(inspector: Inspector, example: PageExample, check?: number): HTMLElement {
  const { data, first } = inspector;
  const by = data.checks[first[example.row]!];
  const fate = by
    ? element('span', 'gone', `dropped by ${data.steps[by.step]}: ${by.reason}`)
    : element('span', 'stays', 'stays');
  const who = element('div', 'who', element('span', '', example.id), fate);
  if (check !== undefined)
    who.append(element('span', 'kind', `${data.checks[check]!.signal} ${figure(example.values[check]!)}`));
  return element('div', 'example', who, element('blockquote', 'passage', example.text));
}
