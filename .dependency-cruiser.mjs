/** Who may import whom: the house of ARCHITECTURE.md, written once. Run by `scripts/boundaries.mjs`. */
const mayUse = {
  'moe-core': [],
  'commit-reveal': [],
  chain: ['commit-reveal'],
  localnet: ['chain', 'commit-reveal'],
  'moe-engine': ['moe-core'],
  dataset: ['moe-core'],
  artifacts: ['commit-reveal'],
  'pol-scoring': ['moe-core', 'moe-engine', 'commit-reveal'],
  subnet: ['moe-core', 'commit-reveal', 'chain', 'moe-engine', 'dataset', 'artifacts', 'pol-scoring'],
  'demo-data': [],
  cli: ['moe-core', 'commit-reveal', 'chain', 'localnet', 'moe-engine', 'dataset', 'artifacts', 'pol-scoring', 'subnet', 'demo-data'],
};

const downward = Object.entries(mayUse).map(([name, allowed]) => ({
  name: `${name}-imports-downward`,
  comment: `${name} may import ${allowed.join(', ') || 'no other package'}`,
  severity: 'error',
  from: { path: `^packages/${name}/src` },
  to: { path: '^packages/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

const only = (name, users, path) => ({
  name,
  severity: 'error',
  from: { path: '^packages/', pathNot: `^packages/(${users})/` },
  to: { path },
});

export default {
  forbidden: [
    ...downward,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    // @webgpu/types has declarations and nothing that could be imported.
    { name: 'resolves', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^@webgpu/types$' } },
    only('rpc-library-stays-in-chain-and-localnet', 'chain|localnet', 'node_modules/@polkadot/'),
    only('onnx-runtime-stays-in-moe-engine', 'moe-engine', 'node_modules/onnxruntime-'),
    {
      name: 'core-packages-do-no-io',
      comment: 'files and sockets live in ./node subpaths',
      severity: 'error',
      from: { path: '^packages/(moe-core|commit-reveal)/src/', pathNot: '^packages/[^/]+/src/node(/|\\.ts$)' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
};
