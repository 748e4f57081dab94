import { ConfigurationError } from '../../core/errors.ts';
import { expandBraces } from '../glob.ts';

/** What no path begins with. A single letter would be a drive. */
export const SCHEME = /^[a-z][a-z0-9+.-]+:\/\//i;

/** The URLs that an input names (`https://host/part-{0,1}.jsonl` is two), without fragments. Throws ConfigurationError. */
export function urlsOf(pattern: string): string[] {
  return expandBraces(pattern).map((one) => {
    if (!/^https?:/i.test(one))
      throw new ConfigurationError('cannot read from there', {
        file: one,
        expected: 'http:// or https://, or a path',
      });
    if (!URL.canParse(one))
      throw new ConfigurationError('not a URL', { file: one, expected: 'https://HOST/PATH' });
    const url = new URL(one);
    // They would be in every document.
    if (url.username || url.password)
      throw new ConfigurationError('a URL with a user name or a password', {
        file: `${url.host}${url.pathname}`,
        expected: 'a URL without',
      });
    url.hash = '';
    return url.href;
  });
}
