/** Answers, and crashes while it ends. */
process.stdout.write('{"works":true,"gigaflops":5}\n', () => process.kill(process.pid, 'SIGSEGV'));
