/** Lints every publishable package as npm would see it. @module */
import { readdirSync, readFileSync } from 'node:fs';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

let problems = 0;
for (const name of readdirSync('packages')) {
  const pkgDir = `packages/${name}`;
  const pkg = JSON.parse(readFileSync(`${pkgDir}/package.json`, 'utf8'));
  const { messages } = await publint({ pkgDir, level: 'warning', strict: true, pack: false });
  for (const message of messages) console.error(`${pkg.name}: ${formatMessage(message, pkg)}`);
  problems += messages.length;
}
console.error(`packages: ${readdirSync('packages').length} checked, ${problems} problems`);
process.exitCode = problems > 0 ? 1 : 0;
