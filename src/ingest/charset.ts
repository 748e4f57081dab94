import { isUtf8 } from 'node:buffer';

/** Names in the wild that the Encoding Standard does not know. */
const ALIASES: Readonly<Record<string, string>> = {
  'us-ascii': 'windows-1252',
  'unknown-8bit': 'windows-1252',
  'x-unknown': 'windows-1252',
  'cp-850': 'windows-1252',
  'iso-8859-8-e': 'iso-8859-8',
  default_charset: 'windows-1252',
};

type Decoder = InstanceType<typeof TextDecoder>;

const decoders = new Map<string, Decoder | undefined>();

function decoderOf(charset: string): Decoder | undefined {
  if (!decoders.has(charset)) {
    let decoder: Decoder | undefined;
    try {
      decoder = new TextDecoder(charset);
    } catch {
      // Not a charset that is known: the caller falls back.
    }
    decoders.set(charset, decoder);
  }
  return decoders.get(charset);
}

/**
 * Bytes as text. Without a known charset: UTF-8 where it is valid, windows-1252 otherwise (every byte has a meaning
 * there). What the charset cannot decode becomes U+FFFD.
 */
export function decodeCharset(bytes: Uint8Array, charset?: string): string {
  let label =
    charset
      ?.trim()
      .toLowerCase()
      .replace(/^["']|["']$/g, '') ?? '';
  label = ALIASES[label] ?? label;
  // Mail says us-ascii and means anything: what is valid UTF-8 beyond ASCII is hardly ever an accident.
  if (label === '' || label === 'windows-1252') label = isUtf8(bytes) ? 'utf-8' : 'windows-1252';
  const decoder = decoderOf(label) ?? decoderOf(isUtf8(bytes) ? 'utf-8' : 'windows-1252')!;
  return decoder.decode(bytes);
}
