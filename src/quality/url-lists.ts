/** What a URL filter holds against a URL. Domains are lower case; words and substrings are letters and digits. */
export interface UrlLists {
  readonly domains: ReadonlySet<string>;
  readonly urls: ReadonlySet<string>;
  readonly words: ReadonlySet<string>;
  readonly softWords: ReadonlySet<string>;
  readonly substrings: SubstringIndex;
}

/** The letters and digits of a text, in lower case: how datatrove compares words and substrings of URLs. */
export function normalized(text: string): string {
  return text.replace(/[^a-zA-Z0-9]+/g, '').toLowerCase();
}

/**
 * Domains out of the lines of a list: plain ones, hosts files ("0.0.0.0 name"), and the adblock rules that block a
 * whole domain ("||name^", with or without options). Comments (#, !, [...]), exceptions (@@) and rules for parts of
 * pages are passed over.
 */
export function parseDomains(lines: Iterable<string>): string[] {
  const domains: string[] = [];
  for (const raw of lines) {
    let line = raw.trim().toLowerCase();
    if (line === '' || /^[#![]/.test(line) || line.startsWith('@@') || line.includes('##')) continue;
    const rule = /^\|\|([^^/*$|]+)\^?(?:\$.*)?$/.exec(line);
    if (rule) line = rule[1]!;
    else {
      const hosts = /^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)\s+(\S+)/.exec(line);
      if (hosts) line = hosts[1]!;
    }
    if (/^[^\s/|*^$]+$/.test(line)) domains.push(line.replace(/\.$/, ''));
  }
  return domains;
}

/** Entries of a list of words or URLs: comment lines and blank lines left out. */
export function parseEntries(lines: Iterable<string>): string[] {
  const entries: string[] = [];
  for (const raw of lines) if (raw.trim() !== '' && !raw.startsWith('#')) entries.push(raw.trim());
  return entries;
}

/** Looks for any of many substrings at once, by their first two characters. */
export class SubstringIndex {
  private readonly byStart = new Map<string, string[]>();
  private readonly short = new Set<string>();

  constructor(substrings: Iterable<string>) {
    for (const s of substrings) {
      if (s.length === 0) continue;
      if (s.length === 1) this.short.add(s);
      else this.byStart.set(s.slice(0, 2), [...(this.byStart.get(s.slice(0, 2)) ?? []), s]);
    }
  }

  /** The first substring found in a text, from the left. */
  find(text: string): string | undefined {
    for (let i = 0; i < text.length; i++) {
      if (this.short.has(text.charAt(i))) return text.charAt(i);
      const hit = this.byStart.get(text.slice(i, i + 2))?.find((s) => text.startsWith(s, i));
      if (hit !== undefined) return hit;
    }
    return undefined;
  }
}

/** The host of a URL in lower case, without user, port and final full stop; undefined where there is none. */
export function hostOf(url: string): string | undefined {
  const match = /^(?:[a-z][a-z0-9+.-]*:)?(?:\/\/)?(?:[^/?#@]*@)?(\[[^\]]*\]|[^:/?#\s]+)/i.exec(url.trim());
  return match?.[1]?.toLowerCase().replace(/\.$/, '');
}

/** The listed domain that a host is or lies under. */
export function listedDomain(host: string, domains: ReadonlySet<string>): string | undefined {
  for (let at = 0; ; ) {
    const domain = host.slice(at);
    if (domains.has(domain)) return domain;
    const dot = host.indexOf('.', at);
    if (dot < 0) return undefined;
    at = dot + 1;
  }
}
