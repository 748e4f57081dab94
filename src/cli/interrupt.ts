/** How a command is stopped from outside. */
export interface Interrupt {
  release(): void;
}

/**
 * The first Ctrl-C (or SIGTERM) calls `stop`: the step at hand saves where it is. The second ends the process at
 * once, as `kill -9` would: what is committed stays whole, and the same command goes on from there. `say` gets a line.
 */
export function onInterrupt(
  stop: () => void,
  say = (line: string): void => void process.stderr.write(`\n${line}\n`),
): Interrupt {
  let told = false;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (told) {
      release();
      // With its handler gone the signal ends the process; `process.exit` would wait for the workers.
      process.kill(process.pid, signal);
      return;
    }
    told = true;
    say(
      'interrupted: finishing the step at hand; the same command goes on from here (Ctrl-C again: at once)',
    );
    stop();
  };
  const release = (): void => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return { release };
}
