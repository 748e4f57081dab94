/** What is known of a unit. */
export const UNIT_STAYS = 0;
export const UNIT_GOES = 1;
export const UNIT_GOES_FOR_HELD_OUT = 2;

/** A verdict of two bits for each unit, by its number over all side files. */
export class UnitVerdicts {
  readonly units: number;
  private readonly bits: Uint8Array;

  constructor(units: number) {
    this.units = units;
    this.bits = new Uint8Array(Math.ceil(units / 4));
  }

  get(unit: number): number {
    return (this.bits[Math.floor(unit / 4)]! >> ((unit % 4) * 2)) & 3;
  }

  set(unit: number, verdict: number): void {
    const shift = (unit % 4) * 2;
    const at = Math.floor(unit / 4);
    this.bits[at] = (this.bits[at]! & ~(3 << shift)) | (verdict << shift);
  }
}

/**
 * The verdict on a unit of `keys` keys of which `seen` came before, `seenHeldOut` of those in a held-out document: it
 * goes where a larger share than `overlap` was seen; with one key, where that was.
 */
export function verdictOf(keys: number, seen: number, seenHeldOut: number, overlap: number): number {
  if (keys === 0 || !goes(keys, seen, overlap)) return UNIT_STAYS;
  return goes(keys, seenHeldOut, overlap) ? UNIT_GOES_FOR_HELD_OUT : UNIT_GOES;
}

function goes(keys: number, seen: number, overlap: number): boolean {
  return seen / keys > overlap;
}
