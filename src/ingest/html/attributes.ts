import { decodeHTML } from 'entities';

/** Where the values of the attributes that tell what an element is lie in the page; start === end: empty or not there. */
export class Attributes {
  classStart = 0;
  classEnd = 0;
  idStart = 0;
  idEnd = 0;
  roleStart = 0;
  roleEnd = 0;
  /** Whether the element says that it is not shown. */
  hidden = false;

  /** Looks through the attributes in [start, end) of a page. The first of a name counts. */
  read(html: string, start: number, end: number): void {
    this.classStart = this.classEnd = this.idStart = this.idEnd = this.roleStart = this.roleEnd = 0;
    this.hidden = false;
    eachAttribute(html, start, end, (nameStart, nameEnd, valueStart, valueEnd) => {
      switch (nameEnd - nameStart) {
        case 2:
          if (this.idEnd === 0 && sameName(html, nameStart, 'id')) {
            this.idStart = valueStart;
            this.idEnd = valueEnd;
          }
          break;
        case 4:
          if (this.roleEnd === 0 && sameName(html, nameStart, 'role')) {
            this.roleStart = valueStart;
            this.roleEnd = valueEnd;
          }
          break;
        case 5:
          if (this.classEnd === 0 && sameName(html, nameStart, 'class')) {
            this.classStart = valueStart;
            this.classEnd = valueEnd;
          } else if (sameName(html, nameStart, 'style') && isHidingStyle(html.slice(valueStart, valueEnd)))
            this.hidden = true;
          break;
        case 6:
          if (sameName(html, nameStart, 'hidden')) this.hidden = true;
          break;
        case 8:
          // The only itemprop that matters beside class and id: it is kept as a role.
          if (this.roleEnd === 0 && sameName(html, nameStart, 'itemprop')) {
            this.roleStart = valueStart;
            this.roleEnd = valueEnd;
          }
          break;
        case 11:
          if (
            sameName(html, nameStart, 'aria-hidden') &&
            html.slice(valueStart, valueEnd).trim().toLowerCase() === 'true'
          )
            this.hidden = true;
          break;
      }
    });
  }
}

function isHidingStyle(style: string): boolean {
  return /display\s*:\s*none|visibility\s*:\s*hidden/i.test(style);
}

function sameName(html: string, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++)
    if ((html.charCodeAt(at + i) | 0x20) !== name.charCodeAt(i)) return false;
  return true;
}

/** All attributes of a tag, names in lower case, entities decoded. The first of a name counts. */
export function attributesOf(html: string, start: number, end: number): Map<string, string> {
  const found = new Map<string, string>();
  eachAttribute(html, start, end, (nameStart, nameEnd, valueStart, valueEnd) => {
    const name = html.slice(nameStart, nameEnd).toLowerCase();
    const value = html.slice(valueStart, valueEnd);
    if (!found.has(name)) found.set(name, value.includes('&') ? decodeHTML(value) : value);
  });
  return found;
}

type Visit = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void;

function eachAttribute(html: string, start: number, end: number, visit: Visit): void {
  let i = start;
  while (i < end) {
    while (i < end && isGap(html.charCodeAt(i))) i++;
    if (i >= end) return;
    const nameStart = i;
    // A name may begin with "=" (HTML standard, 13.2.5.32).
    for (i++; i < end; i++) {
      const c = html.charCodeAt(i);
      if (isGap(c) || c === 0x3d) break;
    }
    const nameEnd = i;
    while (i < end && html.charCodeAt(i) <= 0x20) i++;
    if (html.charCodeAt(i) !== 0x3d || i >= end) {
      visit(nameStart, nameEnd, nameEnd, nameEnd);
      continue;
    }
    for (i++; i < end && html.charCodeAt(i) <= 0x20; ) i++;
    const quote = html.charCodeAt(i);
    if (quote === 0x22 || quote === 0x27) {
      const close = html.indexOf(quote === 0x22 ? '"' : "'", i + 1);
      const valueEnd = close < 0 || close > end ? end : close;
      visit(nameStart, nameEnd, i + 1, valueEnd);
      i = valueEnd + 1;
    } else {
      const valueStart = i;
      while (i < end && html.charCodeAt(i) > 0x20) i++;
      visit(nameStart, nameEnd, valueStart, i);
    }
  }
}

/** White space, or a slash between attributes. */
function isGap(c: number): boolean {
  return c <= 0x20 || c === 0x2f;
}
