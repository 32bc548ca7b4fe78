/**
 * `npm run test:pack`: packs every package and uses the tarballs as a stranger would, in empty npm projects outside the workspace.
 * One line per check, `ok …` or `FAILED …` with the reason below it; `--keep` leaves the projects for a look.
 * @module
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runPnpm, setUp } from './setup.mjs';

const INSTALL_MS = 600_000;
const DEMO_MS = 900_000;
const SHORT_MS = 120_000;
const REASON_LINES = 15;
/** A bare specifier in `… from 'x'`, `import 'x'`, `import('x')` or `createRequire(import.meta.url)('x')`. */
const SPECIFIER = /(?:^(?:(?:import|export)\b[^'"\n]*|\} )\bfrom\s*|^import\s*|\bimport\(\s*|\bcreateRequire\(import\.meta\.url\)\(\s*)["']((?:@[\w.-]+\/)?[\w][\w./:-]*)["']/gm;

const workspace = readdirSync(join(root, 'packages')).map((name) => ({ name, manifest: readJson(join(root, 'packages', name, 'package.json')) }));
const temporary = mkdtempSync(join(tmpdir(), 'connito-pack-'));
const tarballs = join(temporary, 'tarballs');
const consumer = join(temporary, 'consumer');
const typed = join(temporary, 'typed');
const consumerOptions = { strict: true, skipLibCheck: false, module: 'nodenext', target: 'es2023', types: [] };
const children = new Set();
let failures = 0;

/** Runs one check; later checks run only where it matters not that an earlier one has failed. */
async function check(name, run) {
  const started = performance.now();
  try {
    const detail = await run();
    console.log(`ok ${name}${detail ? `: ${detail}` : ''} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    failures += 1;
    console.log(`FAILED ${name}`);
    console.log(error.message.trimEnd().split('\n').slice(-REASON_LINES).map((line) => `  ${line}`).join('\n'));
    return false;
  }
}

function packAll() {
  mkdirSync(tarballs);
  const { status, stdout, stderr } = runPnpm(['--recursive', '--filter', './packages/*', 'pack', '--pack-destination', tarballs], { quiet: true });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  const missing = workspace.filter(({ manifest }) => !existsSync(tarballOf(manifest)));
  if (missing.length > 0) throw new Error(`no tarball of ${missing.map(({ name }) => name).join(', ')}`);
  return `${workspace.length} packages`;
}

function tarballOf({ name, version }) {
  return join(tarballs, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
}

/** Plain npm, as it is configured here: where onnxruntime-node's download fails, npm leaves that optional dependency out. */
async function installAll() {
  makeProject(consumer);
  await runNpm(['install', ...workspace.map(({ manifest }) => tarballOf(manifest))], consumer, INSTALL_MS);
  const hasNative = existsSync(join(consumer, 'node_modules', 'onnxruntime-node', 'package.json'));
  return `onnxruntime-node ${hasNative ? 'installed' : 'left out'}`;
}

async function installCore() {
  makeProject(typed);
  await runNpm(['install', tarballOf(manifestOf('@connito/moe-core'))], typed, INSTALL_MS);
  const unwanted = installedPackages(typed).filter((name) => /^(onnxruntime-|@polkadot\/)/.test(name));
  if (unwanted.length > 0) throw new Error(`installed with it: ${unwanted.join(', ')}`);
  return `installs ${installedPackages(typed).join(', ')}`;
}

/** What stands in `exports` is in the tarball, with README and licence, and with what the README links to. */
function checkContents() {
  const problems = workspace.flatMap(({ manifest }) => {
    const files = exportedFiles(manifest).concat(['README.md', 'LICENSE'], Object.values(manifest.bin ?? {}), linkedFiles(manifest.name));
    return files.filter((file) => !existsSync(join(installed(manifest.name), file))).map((file) => `${manifest.name}: ${file} is not in the tarball`);
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Files beside the README; links to other packages (`../`) lead to the repository. */
function linkedFiles(name) {
  const text = readFileSync(join(installed(name), 'README.md'), 'utf8');
  return [...text.matchAll(/\]\((?!https?:|#|\.\.\/)([^)#\s]+)/g)].map(([, file]) => file);
}

function exportedFiles({ exports }) {
  return Object.values(exports).flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)));
}

/** npm puts everything beside everything, which would hide an import that a package has not declared. */
function checkImports() {
  const problems = workspace.flatMap(({ manifest: { name } }) => {
    const { dependencies = {}, optionalDependencies = {} } = readJson(join(installed(name), 'package.json'));
    const declared = new Set([name, ...Object.keys(dependencies), ...Object.keys(optionalDependencies)]);
    const imported = importedPackages(join(installed(name), 'dist'));
    const peers = new Set([...declared].flatMap((other) => peersOf(other)));
    return [
      ...[...imported].filter((other) => !declared.has(other)).map((other) => `${name} imports ${other} and does not declare it`),
      ...[...declared].filter((other) => other !== name && !imported.has(other) && !peers.has(other)).map((other) => `${name} declares ${other} and does not import it`),
    ];
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

function peersOf(name) {
  const path = join(installed(name), 'package.json');
  return existsSync(path) ? Object.keys(readJson(path).peerDependencies ?? {}) : [];
}

function importedPackages(directory) {
  const found = new Set();
  for (const file of readdirSync(directory, { recursive: true })) {
    if (!/\.(js|d\.ts)$/.test(file)) continue;
    const source = readFileSync(join(directory, file), 'utf8').replace(/^\s*\*.*$/gm, '');
    for (const [, specifier] of source.matchAll(SPECIFIER)) {
      const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
      if (!name.startsWith('node:') && !builtinModules.includes(name)) found.add(name);
    }
  }
  return found;
}

async function compileAgainstCore() {
  writeFileSync(join(typed, 'main.ts'), "import { routeTokens, selectExperts } from '@connito/moe-core';\nconst { ids } = routeTokens(Float32Array.of(1, 3, 2, 0), { experts: 4, expertsPerToken: 2, normalizeTopK: true });\nif (ids.join() !== '1,2') throw new Error(`expected experts 1,2, got ${ids.join()}`);\nexport const selection: ReadonlyMap<number, readonly number[]> = selectExperts(new Map([[0, [0.7, 0.3]]]), { threshold: 0.5 });\n");
  writeFileSync(join(typed, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...consumerOptions, lib: ['es2023'] }, files: ['main.ts'] }));
  await runTool(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', typed], { cwd: typed, timeoutMs: SHORT_MS });
  await runTool(process.execPath, [join(typed, 'main.js')], { cwd: typed, timeoutMs: SHORT_MS });
}

/** `./webgpu` takes its types from the consumer: from a DOM that has WebGPU, or from none at all. */
async function compileAgainstWebgpu() {
  writeFileSync(join(typed, 'gpu.ts'), gpuConsumer('type Device = GpuDevice;'));
  writeFileSync(join(typed, 'gpu-dom.ts'), `${gpuConsumer('type Device = GPUDevice;')}// @ts-expect-error a text is no device\nexport const wrong = createGpuRouter('device', { experts: 2, expertsPerToken: 1, normalizeTopK: true }, { maxTokens: 1 });\n`);
  for (const [file, lib] of [['gpu.ts', ['es2023']], ['gpu-dom.ts', ['es2023', 'dom']]]) {
    writeFileSync(join(typed, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...consumerOptions, lib, noEmit: true }, files: [file] }));
    await runTool(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', typed], { cwd: typed, timeoutMs: SHORT_MS });
  }
  return 'without a DOM, and with TypeScript\'s own';
}

function gpuConsumer(deviceType) {
  return `import { createGpuRouter, routeTokensOnGpu, type GpuDevice, type HostRouting } from '@connito/moe-core/webgpu';\n${deviceType}\nexport const run = (device: Device): Promise<HostRouting> => routeTokensOnGpu(device, { logits: Float32Array.of(1, 3), rule: { experts: 2, expertsPerToken: 1, normalizeTopK: true } });\nexport { createGpuRouter };\n`;
}

async function runDemo() {
  await runTool('npx', ['--no-install', 'connito', 'demo', '--cycles', '1', '--out', 'out'], { cwd: consumer, timeoutMs: DEMO_MS });
  const { device, checks } = readJson(join(consumer, 'out', 'report.json'));
  return `on ${device}, ${checks.filter(({ ok }) => ok).length} of ${checks.length} promises kept`;
}

/** The README's script on the demo's files says what the demo's report says. */
async function runReadmeScript() {
  const script = /```js\n([\s\S]*?)```/.exec(readFileSync(join(installed('@connito/pol-scoring'), 'README.md'), 'utf8'))?.[1];
  if (!script) throw new Error('the README has no script');
  writeFileSync(join(consumer, 'pol.mjs'), script);
  const { uid, gain } = readJson(join(consumer, 'out', 'report.json')).cycles[0].miners.find(({ code }) => code === 'scored');
  const cycle = join('out', 'cycles', '0');
  const output = await runTool(process.execPath, ['pol.mjs', join(cycle, 'base'), join(cycle, `update-${uid}.safetensors`), join(cycle, 'score-rows.safetensors')], { cwd: consumer, timeoutMs: SHORT_MS });
  if (!output.startsWith(`gain ${gain.toFixed(4)} nats`)) throw new Error(`the report says gain ${gain}, the script: ${output}`);
  return output.trim();
}

function makeProject(directory) {
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n');
}

function installedPackages(project) {
  return Object.keys(readJson(join(project, 'node_modules', '.package-lock.json')).packages).map((path) => path.replace(/^.*node_modules\//, ''));
}

function installed(name) {
  return join(consumer, 'node_modules', ...name.split('/'));
}

function manifestOf(wanted) {
  return workspace.find(({ manifest }) => manifest.name === wanted).manifest;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function runNpm(args, cwd, timeoutMs) {
  return runTool('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, timeoutMs });
}

/** Runs a program to its end; rejects with its output when it fails or takes too long. */
function runTool(program, args, { cwd, timeoutMs }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: outsideEnvironment(), stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32', timeout: timeoutMs });
    children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      children.delete(child);
      if (code === 0) resolve(stdout);
      else reject(new Error(`${stdout}${stderr}\n${program} ${args[0]} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** Without what the `npm run` around this script has set for the workspace. */
function outsideEnvironment() {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|execpath|node_execpath)|^INIT_CWD$|^NODE_PATH$/.test(name));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1' };
}

function clean() {
  for (const child of children) child.kill('SIGTERM');
  if (!process.argv.includes('--keep')) rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  else console.error(`connito: left in ${temporary}`);
}

for (const [signal, exitCode] of [['SIGINT', 130], ['SIGTERM', 143]]) {
  process.once(signal, () => {
    clean();
    process.exit(exitCode);
  });
}

try {
  setUp();
  if (await check('pnpm pack', packAll)) {
    if (await check('npm install of all tarballs', installAll)) {
      await check('tarball contents', checkContents);
      await check('declared dependencies', checkImports);
      if (await check('npx connito demo --cycles 1', runDemo)) await check('Proof-of-Loss script of the README', runReadmeScript);
    }
    if (await check('npm install of @connito/moe-core alone', installCore)) {
      await check('TypeScript consumer of @connito/moe-core', compileAgainstCore);
      await check('TypeScript consumer of @connito/moe-core/webgpu', compileAgainstWebgpu);
    }
  }
} catch (error) {
  failures += 1;
  console.error(`connito: ${error.message}`);
} finally {
  clean();
}
process.exitCode = failures > 0 ? 1 : 0;
