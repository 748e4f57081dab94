// Processes that answer commands, one JSON object a line: how a benchmark keeps its candidates warm and apart.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process started with `command`; `ask({ do, ... })` gives its answer. */
export function lineProcess(command, args, env = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command} ${args[0]} ended at '${question.do}'`);
      return JSON.parse(value);
    },
    close: () => child.stdin.end(),
  };
}

/** The other side, in JavaScript: answers each line by the handler that its `do` names. */
export async function answerLines(handlers) {
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(await handlers[question.do](question))}\n`);
  }
}

/** The most memory that this process has held, by the kernel's count. */
export function peakMebibytes() {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}

/** Processor time that this process has used, all threads together. */
export function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
