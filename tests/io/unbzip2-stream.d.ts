declare module 'unbzip2-stream' {
  /** A stream of the old kind: `write` decompresses at once and emits `data`, or `error` and nothing more. */
  export default function unbzip2(): NodeJS.ReadWriteStream & NodeJS.EventEmitter;
}
