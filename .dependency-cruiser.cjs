/** Who may import whom; ARCHITECTURE.md says why. */
const layer = (name, from, to) => ({ name, severity: 'error', from: { path: from }, to: { path: to } });

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-strays', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
    layer('core-stands-alone', '^src/core/', '^src/(native|discovery|strategies|control|cli|agent|cli\\.ts|index)'),
    layer('native-knows-only-ports', '^src/native/', '^src/(discovery|strategies|cli|agent|index)'),
    layer('discovery-knows-only-core', '^src/discovery/', '^src/(native|strategies|cli|agent|index)'),
    layer('strategies-know-core-and-discovery', '^src/strategies/', '^src/(native|cli|agent|index)'),
    {
      name: 'strategies-apart',
      severity: 'error',
      from: { path: '^src/strategies/([^/]+)/' },
      to: { path: '^src/strategies/', pathNot: '^src/strategies/$1/' },
    },
    layer('control-reads-events', '^src/control/', '^src/(native|discovery|strategies|cli|agent|index)'),
    layer('nothing-imports-the-command-line', '^src/(core|native|discovery|strategies|control|agent|index)', '^src/cli'),
    layer('plugins-import-only-the-package', '^plugins/', '^src/'),
    layer('the-product-needs-no-tests', '^src/', '^(test|bench|scripts)/'),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|vendor|build)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
