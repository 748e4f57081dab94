/** Finds a Vulkan driver for the WebGPU tests: the machine's own, or SwiftShader, which computes on the CPU. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { probe } from '../../src/train/engines/probe.ts';

const ICD = 'vk_swiftshader_icd.json';
const FILES = [ICD, 'libvk_swiftshader.so', 'libvulkan.so.1'];
/** Debian's chromium-common, installed or unpacked. */
const FOLDERS = ['/usr/lib/chromium', join(tmpdir(), 'provender-swiftshader/usr/lib/chromium')];

export interface Driver {
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Undefined where there is none and Debian's cannot be fetched. */
export async function findDriver(): Promise<Driver | undefined> {
  const own = await probe({ kind: 'onnx', device: 'webgpu' });
  if (own.works) return { name: "the machine's own", environment: {} };
  const folder = FOLDERS.find(isWhole) ?? fetched();
  if (folder === undefined) return undefined;
  const environment = {
    // libvulkan.so.1 lies beside it; the dynamic loader reads this when a process begins.
    LD_LIBRARY_PATH: folder,
    VK_ICD_FILENAMES: join(folder, ICD),
    XDG_RUNTIME_DIR: tmpdir(),
  };
  return { name: 'SwiftShader', environment };
}

function isWhole(folder: string): boolean {
  return FILES.every((name) => existsSync(join(folder, name)));
}

/** Unpacks the three files of Debian's package into a temporary folder that later runs find again. */
function fetched(): string | undefined {
  const target = join(tmpdir(), 'provender-swiftshader');
  const work = mkdtempSync(`${target}-`);
  try {
    execFileSync('apt-get', ['download', 'chromium-common'], { cwd: work, stdio: 'ignore' });
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'))!;
    mkdirSync(join(work, 'files'));
    const members = FILES.map((name) => `./usr/lib/chromium/${name}`);
    const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', archive], { cwd: work, maxBuffer: 2 ** 30 });
    execFileSync('tar', ['-x', '-C', 'files', ...members], { cwd: work, input: tar });
    rmSync(target, { recursive: true, force: true });
    renameSync(join(work, 'files'), target);
    return FOLDERS.find(isWhole);
  } catch {
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
