/** Markup that is escaped unless it says otherwise: a template literal puts text in, never tags. */

/** A piece of HTML that is safe to put into a page as it is. Made by `html` alone. */
export class Markup {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** What may stand in a template: text and numbers are escaped; nothing at all comes of `undefined`, `null` and `false`. */
export type Content = Markup | string | number | undefined | null | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

// Control characters, and the ones that turn the direction of what follows (CVE-2021-42574): visible, without effect.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a page
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text for an element or a quoted attribute. */
export function escapeText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(HIDDEN, '\ufffd')
    .replace(/[&<>"'`]/g, (character) => ENTITIES[character]!);
}

function render(content: Content): string {
  if (content === undefined || content === null || content === false) return '';
  if (content instanceof Markup) return content.source;
  if (typeof content === 'string') return escapeText(content);
  if (typeof content === 'number') return String(content);
  return content.map(render).join('');
}

/** Tagged template: html`<p>${text}</p>`. Attribute values in it must be quoted. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Markup {
  let source = strings[0]!;
  for (let i = 0; i < values.length; i++) source += render(values[i]) + strings[i + 1]!;
  return new Markup(source);
}

/** JSON for `<script type="application/json">`: no text in it can end the element or begin a comment. */
export function jsonForScript(value: unknown): Markup {
  const json = JSON.stringify(value) ?? 'null';
  return new Markup(
    json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** At most `characters` UTF-16 units of a text, never half of a surrogate pair, and how many are left out. */
export function cut(text: string, characters: number): { text: string; left: number } {
  if (text.length <= characters) return { text, left: 0 };
  const last = text.charCodeAt(characters - 1);
  const end = last >= 0xd800 && last < 0xdc00 ? characters - 1 : characters;
  return { text: text.slice(0, end), left: text.length - end };
}

/** The same, on a name or other short text: an ellipsis stands for what is left out. */
export function shorten(text: string, characters = 120): string {
  const { text: head, left } = cut(text, characters);
  return left ? `${head}…` : head;
}

/** Its beginning and its end: files of one folder often begin alike. */
export function shortenMiddle(text: string, characters = 36): string {
  if (text.length <= characters) return text;
  const { text: head } = cut(text, Math.floor((characters - 1) / 3));
  const tail = text.slice(text.length - (characters - 1 - head.length)).replace(/^[\udc00-\udfff]/, '');
  return `${head}…${tail}`;
}

export interface Column {
  readonly heading: Content;
  /** Right-aligned, with figures of one width. */
  readonly numeric?: boolean;
}

/** A table in a frame that scrolls sideways by itself on a narrow screen. The first cell of a row is its heading. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Markup {
  const kind = (i: number): Markup => (columns[i]?.numeric ? html` class="n"` : html``);
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ heading }, i) => html`<th scope="col"${kind(i)}>${heading}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((cell, i) =>
        i === 0 ? html`<th scope="row"${kind(i)}>${cell}</th>` : html`<td${kind(i)}>${cell}</td>`,
      )}</tr>\n`,
  )}</tbody></table></div>`;
}

/** A line in place of what cannot be shown. */
export function absent(why: string): Markup {
  return html`<p class="absent">${why}</p>`;
}
