/** Undoes base64 (RFC 2045, 6.8): characters outside its alphabet are passed over, padding ends a run. */
export function decodeBase64(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1'), 'base64');
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** Undoes quoted-printable (RFC 2045, 6.7). An `=` that begins nothing is kept, as mail readers do. */
export function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let used = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte !== 0x3d) {
      out[used++] = byte;
      continue;
    }
    let k = i + 1;
    while (bytes[k] === 0x20 || bytes[k] === 0x09) k++;
    if (bytes[k] === 0x0d && bytes[k + 1] === 0x0a) k++;
    if (bytes[k] === 0x0a || k >= bytes.length) {
      i = k;
      continue;
    }
    const high = hexDigit(bytes[i + 1]);
    const low = hexDigit(bytes[i + 2]);
    if (high < 0 || low < 0) out[used++] = byte;
    else {
      out[used++] = high * 16 + low;
      i += 2;
    }
  }
  return out.subarray(0, used);
}

/** Undoes a Content-Transfer-Encoding; one that is not known leaves the bytes as they are. */
export function decodeTransfer(bytes: Buffer, encoding: string | undefined): Buffer {
  switch (encoding?.trim().toLowerCase()) {
    case 'base64':
      return decodeBase64(bytes);
    case 'quoted-printable':
      return decodeQuotedPrintable(bytes);
    default:
      return bytes;
  }
}
