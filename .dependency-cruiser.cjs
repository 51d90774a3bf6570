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
    layer(
      'core-stands-alone',
      '^src/core/',
      '^src/(native|discovery|relay|strategies|control|http|metrics|page|cli|composition|agent|cli\\.ts|index)',
    ),
    layer('native-knows-only-ports', '^src/native/', '^src/(discovery|relay|strategies|cli|composition|agent|index)'),
    layer('discovery-knows-only-core', '^src/discovery/', '^src/(native|relay|strategies|cli|composition|agent|index)'),
    layer('relay-knows-core-and-discovery', '^src/relay/', '^src/(native|strategies|cli|composition|agent|index)'),
    layer('strategies-know-core-and-discovery', '^src/strategies/', '^src/(native|cli|composition|agent|index)'),
    {
      name: 'strategies-apart',
      severity: 'error',
      from: { path: '^src/strategies/([^/]+)/' },
      to: { path: '^src/strategies/', pathNot: '^src/strategies/$1/' },
    },
    layer(
      'control-reads-events',
      '^src/control/',
      '^src/(native|discovery|relay|strategies|http|metrics|page|cli|composition|agent|index)',
    ),
    layer(
      'http-and-metrics-know-core-and-control',
      '^src/(http|metrics)/',
      '^src/(native|discovery|relay|strategies|page|cli|composition|agent|index)',
    ),
    layer(
      'the-page-knows-what-the-api-says',
      '^src/page/',
      '^src/(?!page/|figures\\.ts|control/([a-z-]*schemas|overtaken)\\.ts)',
    ),
    layer('figures-are-for-who-shows-them', '^src/(?!page/|cli/|figures)', '^src/figures'),
    layer('figures-need-nothing', '^src/figures', '^src/'),
    layer(
      'doctor-knows-core-and-discovery',
      '^src/doctor/',
      '^src/(native|relay|strategies|control|http|metrics|page|cli|composition|agent|index)',
    ),
    layer(
      'only-the-command-line-calls-the-doctor',
      '^src/(core|native|discovery|relay|strategies|control|http|metrics|page|composition|agent|index)',
      '^src/doctor',
    ),
    layer(
      'nothing-imports-the-command-line',
      '^src/(core|native|discovery|relay|strategies|control|http|metrics|page|composition|doctor|agent|index)',
      '^src/cli',
    ),
    layer(
      'nothing-imports-the-testing-kit',
      '^src/(core|native|discovery|relay|strategies|control|http|metrics|page|composition|doctor|cli|agent|index|cli\\.ts)',
      '^src/testing',
    ),
    layer(
      'the-testing-kit-needs-no-system',
      '^src/testing(?!/conformance/loopback)',
      '^src/(native|cli|strategies/(?!relay/turn/))',
    ),
    {
      name: 'plugins-import-only-the-package',
      severity: 'error',
      from: { path: '^plugins/([^/]+)/' },
      to: {
        pathNot: ['^plugins/$1/', '^node_modules/', '^dist/(index|testing)\\.(js|d\\.ts)$'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'plugins-declare-what-they-import',
      severity: 'error',
      from: { path: '^plugins/[^/]+/src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    layer('the-product-needs-no-tests', '^src/', '^(test|bench|scripts)/'),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: '^(vendor|build|plugins/[^/]+/dist)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
