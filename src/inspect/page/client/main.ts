import type { Funnel } from '../../decision.ts';
import { Inspector } from '../inspector.ts';
import type { PageData } from '../page-types.ts';
import { element } from './elements.ts';
import { exampleCard } from './example-card.ts';
import { drawFunnel, drawKept, drawLabels, drawOverlap } from './overview.ts';
import { RuleCard } from './rule-card.ts';

const EXAMPLES = 4;

function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

/** The blob of columns: base64 of deflated bytes. */
async function inflate(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Draws the page and keeps it in step with its sliders. */
class Page {
  private readonly inspector: Inspector;
  private readonly before: Funnel;
  private readonly cards: { card: RuleCard; step: number }[] = [];
  private readonly details: HTMLDetailsElement[] = [];
  private readonly switches: HTMLInputElement[] = [];
  private turn = 0;
  private waiting = false;

  constructor(inspector: Inspector) {
    this.inspector = inspector;
    this.before = inspector.count();
    this.buildRules();
    byId('other-examples').addEventListener('click', () => {
      this.turn++;
      this.draw();
    });
    byId('reset').addEventListener('click', () => {
      for (const { card } of this.cards) card.reset();
      inspector.on.fill(true);
      for (const one of this.switches) one.checked = true;
      this.draw();
    });
    this.draw();
  }

  private buildRules(): void {
    const { steps, checks } = this.inspector.data;
    const root = byId('rules');
    steps.forEach((name, step) => {
      const mine = checks.flatMap((check, c) => (check.step === step ? [c] : []));
      if (mine.length === 0) return;
      const on = element('input');
      on.type = 'checkbox';
      on.checked = true;
      on.dataset.step = name;
      on.setAttribute('aria-label', `${name} drops documents`);
      on.addEventListener('change', () => {
        this.inspector.on[step] = on.checked;
        this.soon();
      });
      on.addEventListener('click', (event) => event.stopPropagation());
      this.switches.push(on);
      const grid = element('div', 'rules');
      // Rules that are off come last: they are offered, not in force.
      const order = [...mine].sort((a, b) => Number(checks[a]!.at < 0) - Number(checks[b]!.at < 0));
      for (const c of order) {
        const card = new RuleCard(this.inspector, c, () => this.soon());
        this.cards.push({ card, step });
        grid.append(card.root);
      }
      const details = element(
        'details',
        'step',
        element('summary', '', on, ' ', element('b', '', name)),
        grid,
      );
      details.open =
        root.childElementCount === 0 || mine.some((c) => this.before.checks[c]!.drops.documents > 0);
      details.addEventListener('toggle', () => this.soon());
      this.details[step] = details;
      root.append(details);
    });
  }

  /** Draws once before the next frame, however many sliders moved. */
  private soon(): void {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  private draw(): void {
    const { inspector } = this;
    const { data } = inspector;
    const funnel = inspector.count();
    drawKept(byId('kept'), funnel, this.before);
    drawFunnel(byId('steps'), inspector, funnel);
    for (const { card, step } of this.cards) if (this.details[step]!.open) card.draw(funnel);
    drawOverlap(byId('both'), inspector, funnel);
    drawLabels(byId('corpora'), 'corpus', data.corpora, funnel.byLabel[0]!);
    if (data.languages.length > 1 || data.languages[0])
      drawLabels(byId('languages'), 'language', data.languages, funnel.byLabel[1]!);
    this.drawExamples();
    const changes = inspector.changes();
    byId('command').textContent =
      changes.length === 0
        ? 'The thresholds are those of the pipeline.'
        : `${data.command} ${changes.map((change) => `--set ${change}`).join(' ')}`;
    document.body.dataset.kept = String(funnel.kept.documents);
  }

  private drawExamples(): void {
    const { data, first } = this.inspector;
    const pick = (gone: boolean): Node[] => {
      const all = data.examples.filter(({ row }) => first[row]! >= 0 === gone);
      // Another turn begins elsewhere in the list; a step that shares no factor with most lengths spreads it.
      const step = Math.max(1, Math.floor(all.length / EXAMPLES));
      const shown = Array.from(
        { length: Math.min(EXAMPLES, all.length) },
        (_, k) => all[(k * step + this.turn * 7) % all.length]!,
      );
      return shown.length > 0
        ? [...new Set(shown)].map((one) => exampleCard(this.inspector, one))
        : [element('p', 'absent', 'none')];
    };
    byId('gone').replaceChildren(...pick(true));
    byId('stays').replaceChildren(...pick(false));
  }
}

async function start(): Promise<void> {
  const data = JSON.parse(byId('inspect-data').textContent ?? '') as PageData;
  new Page(new Inspector(data, await inflate(data.columns)));
  document.body.dataset.ready = 'yes';
}

start().catch((error: unknown) => {
  byId('kept').textContent = `This page needs a newer browser: ${String(error)}`;
});
