import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';

/** The browser's path, undefined where the machine has none. */
export function findChromium(): string | undefined {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = spawnSync(name, ['--version'], { stdio: 'ignore' });
    if (found.status === 0) return name;
  }
  return undefined;
}

export interface Look {
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  readonly media?: 'print';
}

interface Answer {
  readonly result?: unknown;
  readonly error?: unknown;
}

/** A page of ours is there in a second; a machine that is busy may need some. */
const LOAD_MS = 60_000;

/** A headless Chromium, spoken to over the DevTools protocol. */
export class Chromium {
  private readonly profile: string;
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private readonly heard: { method: string; params: unknown }[] = [];
  private session = '';
  private last = 0;
  /** Settled once the browser is gone, whether it ended or crashed: what it has not answered by then it never will. */
  private readonly gone: Promise<void>;
  private readonly ended: Promise<void>;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.profile = profile;
    this.socket = socket;
    this.gone = new Promise((resolve) => {
      child.once('exit', () => resolve());
      socket.addEventListener('close', () => resolve());
    });
    this.ended = new Promise((resolve) => child.once('exit', () => resolve()));
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as {
        id?: number;
        method?: string;
        params?: unknown;
        result?: unknown;
      };
      if (message.id !== undefined) this.waiting.get(message.id)?.(message);
      else if (message.method) this.heard.push({ method: message.method, params: message.params });
    });
  }

  static async launch(program: string): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), 'provender-chromium-'));
    const child = spawn(
      program,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--remote-debugging-port=0',
        `--user-data-dir=${profile}`,
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr!.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const match = /DevTools listening on (ws:\S+)/.exec(said);
        if (match) resolve(match[1]!);
      });
      child.once('exit', () => reject(new Error(`chromium ended: ${said}`)));
    });
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    const browser = new Chromium(child, profile, socket);
    const { targetId } = (await browser.send('Target.createTarget', { url: 'about:blank' })) as {
      targetId: string;
    };
    const { sessionId } = (await browser.send('Target.attachToTarget', { targetId, flatten: true })) as {
      sessionId: string;
    };
    browser.session = sessionId;
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await browser.send(`${domain}.enable`);
    return browser;
  }

  async send(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.last;
    const answer: Answer = await Promise.race([
      new Promise<Answer>((resolve) => {
        this.waiting.set(id, resolve);
        this.socket.send(JSON.stringify({ id, method, params, sessionId: this.session || undefined }));
      }),
      this.gone.then(() => ({ error: 'the browser is gone' })),
    ]);
    this.waiting.delete(id);
    if (answer.error) throw new Error(`${method}: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }

  /** Loads a file; gives what the page asked of the network, and its errors and dialogs. */
  async open(
    path: string,
    { width, scheme, media }: Look,
  ): Promise<{ requests: string[]; errors: string[] }> {
    this.heard.length = 0;
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height: 900,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    await this.send('Emulation.setEmulatedMedia', {
      media: media ?? '',
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
    await this.send('Page.navigate', { url: `file://${path}` });
    const started = performance.now();
    while (!this.heard.some(({ method }) => method === 'Page.loadEventFired')) {
      if (performance.now() - started > LOAD_MS) throw new Error(`${path} did not load in ${LOAD_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const urls = this.heard.flatMap(({ method, params }) =>
      method === 'Network.requestWillBeSent' ? [(params as { request: { url: string } }).request.url] : [],
    );
    const errors = this.heard.flatMap(({ method, params }) =>
      method === 'Runtime.exceptionThrown' ||
      method === 'Page.javascriptDialogOpening' ||
      (method === 'Log.entryAdded' && (params as { entry: { level: string } }).entry.level === 'error')
        ? [`${method} ${JSON.stringify(params)}`]
        : [],
    );
    return { requests: urls.filter((url) => url !== `file://${path}`), errors };
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { result } = (await this.send('Runtime.evaluate', { expression, returnByValue: true })) as {
      result: { value: T };
    };
    return result.value;
  }

  /** The page from `top` on, at most `height` pixels of it, as a PNG. */
  async picture(top = 0, height = 2400): Promise<Buffer> {
    const { cssContentSize: size } = (await this.send('Page.getLayoutMetrics')) as {
      cssContentSize: { width: number; height: number };
    };
    const clip = { x: 0, y: top, width: size.width, height: Math.min(height, size.height - top), scale: 1 };
    const { data } = (await this.send('Page.captureScreenshot', {
      clip,
      captureBeyondViewport: true,
    })) as { data: string };
    return Buffer.from(data, 'base64');
  }

  async close(): Promise<void> {
    this.session = '';
    // It may be gone before it has answered.
    await this.send('Browser.close').catch(() => undefined);
    this.socket.close();
    await this.ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
