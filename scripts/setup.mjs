/**
 * Makes a fresh clone ready: brings the pinned pnpm through the registry, installs with the frozen lockfile, builds what changed.
 * With nothing to do it only compares two stamps and returns. Everything it prints goes to stderr, so that stdout stays the command's.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamps = join(root, 'node_modules', '.connito');
const quietTools = { TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', npm_config_loglevel: 'error' };

/** Installs and builds where needed. @throws when a step fails; its output has then been shown. */
export function setUp() {
  assertNodeVersion();
  runOnce('install', installFingerprint, ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false']);
  runOnce('build', buildFingerprint, ['exec', 'turbo', 'run', 'build', '--output-logs=errors-only', '--log-prefix=none']);
}

/** Runs the pinned pnpm, found through the registry, with these arguments. */
export function runPnpm(args, { quiet = false } = {}) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return spawnSync('npm', ['exec', '--yes', `--package=${packageManager}`, '--', 'pnpm', ...args], {
    cwd: root,
    env: { ...process.env, ...quietTools },
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
    shell: process.platform === 'win32',
    encoding: 'utf8',
  });
}

function runOnce(step, fingerprint, args) {
  const stamp = join(stamps, step);
  const isDone = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint();
  if (isDone()) return;
  const release = takeTurn();
  try {
    if (isDone()) return;
    console.error(`connito: ${step} …`);
    const { status, error, stdout, stderr } = runPnpm(args, { quiet: true });
    if (status !== 0) {
      process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
      throw new Error(`the ${step} step failed${error ? `: ${error.message}` : ''}; its output stands above`);
    }
    mkdirSync(stamps, { recursive: true });
    writeFileSync(stamp, fingerprint());
  } finally {
    release();
  }
}

/** Two terminals in a fresh clone would write over each other: one sets up, the others wait. A lock whose process is gone is taken over. */
function takeTurn() {
  const lock = join(root, '.connito', 'setup.lock');
  mkdirSync(dirname(lock), { recursive: true });
  for (let waits = 0; ; waits += 1) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = lockHolder(lock);
    if (holder !== undefined && !isAlive(holder)) rmSync(lock, { force: true });
    else if (waits === 0) console.error('connito: another process sets this clone up, waiting for it …');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

/** The process that has it; undefined where it has just been given back, or taken and not signed yet. */
function lockHolder(lock) {
  try {
    const text = readFileSync(lock, 'utf8');
    return text === '' && Date.now() - statSync(lock).mtimeMs < 5000 ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function installFingerprint() {
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...packageFiles('package.json')];
  return digest(files.map((file) => `${file}\0${readFileSync(join(root, file), 'utf8')}`));
}

/** Sources by name, size and time, and whether every package's output is there. */
function buildFingerprint() {
  const sources = ['tsup.base.ts', 'tsconfig.base.json', ...packageFiles('package.json'), ...packageFiles('tsup.config.ts')];
  for (const directory of packageFiles('src')) sources.push(...filesBelow(directory));
  const lines = sources.map((file) => {
    const { size, mtimeMs } = statSync(join(root, file));
    return `${file}\0${size}\0${mtimeMs}`;
  });
  const built = packageFiles('package.json').map((file) => String(existsSync(join(root, dirname(file), 'dist', 'index.d.ts'))));
  return digest([...lines, ...built]);
}

function packageFiles(name) {
  return readdirSync(join(root, 'packages')).sort().map((entry) => join('packages', entry, name)).filter((file) => existsSync(join(root, file)));
}

function filesBelow(directory) {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

function digest(lines) {
  return createHash('sha256').update([process.version, ...lines].join('\n')).digest('hex');
}

function assertNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`Connito needs Node 20.19 or newer; this is ${process.version}. Install a current Node and run the command again`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    setUp();
  } catch (error) {
    console.error(`connito: ${error.message}`);
    process.exitCode = 1;
  }
}
