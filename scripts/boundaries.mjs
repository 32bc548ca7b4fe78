/** Checks that imports run downward only (ARCHITECTURE.md) and that it really looked at every package. @module */
import { existsSync, readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';
import config from '../.dependency-cruiser.mjs';

const packages = readdirSync('packages').filter((name) => existsSync(`packages/${name}/src`));
const { output } = await cruise(packages.map((name) => `packages/${name}/src`), { ...config.options, ruleSet: { forbidden: config.forbidden }, validate: true });
const { modules, summary } = output;
const unseen = packages.filter((name) => !modules.some((module) => module.source.startsWith(`packages/${name}/src/`)));
for (const { rule, from, to } of summary.violations) console.error(`${rule.severity} ${rule.name}: ${from} → ${to}`);
if (unseen.length > 0) console.error(`boundaries: nothing was cruised in ${unseen.join(', ')}`);
console.error(`boundaries: ${summary.totalCruised} modules, ${summary.totalDependenciesCruised} dependencies, ${summary.violations.length} violations`);
process.exitCode = summary.violations.length > 0 || unseen.length > 0 || summary.totalDependenciesCruised === 0 ? 1 : 0;
