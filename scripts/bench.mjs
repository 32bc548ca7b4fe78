/**
 * `npm run bench [-- <package> [benchmark]]`: runs the benchmarks of `packages/<package>/bench`, all or one, one after the other.
 * A benchmark is a `.mjs` file whose name ends in `.bench.mjs`; it prints ratios against the peer that PYTHON runs.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, setUp } from './setup.mjs';

const [wantedPackage, wantedName] = process.argv.slice(2);
const benchmarks = readdirSync(join(root, 'packages'))
  .filter((name) => [undefined, name, name.replace(/^moe-/, '')].includes(wantedPackage))
  .flatMap((name) => filesOf(join('packages', name, 'bench')))
  .filter((file) => wantedName === undefined || file.endsWith(`/${wantedName}.bench.mjs`));

function filesOf(directory) {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory)).filter((file) => file.endsWith('.bench.mjs')).sort().map((file) => `${directory}/${file}`);
}

setUp();
if (benchmarks.length === 0) {
  console.error(`connito: no benchmark ${[wantedPackage, wantedName].filter(Boolean).join(' ')}; expected a package, and perhaps the name of one of its bench/<name>.bench.mjs`);
  process.exitCode = 2;
}
for (const file of benchmarks) {
  console.log(`\n# ${file}`);
  const { status } = spawnSync(process.execPath, [file], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exitCode = 1;
}
