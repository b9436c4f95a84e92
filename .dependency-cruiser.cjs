/**
 * Who may import whom: the directions are the architecture. A folder imports itself and what its row names, nothing else.
 * `core/errors` and `core/finding` are the words every part of the core speaks.
 */
const words = ['^src/core/errors', '^src/core/finding']

const mayImport = {
  'core/bytes': [],
  'core/container': ['core/bytes', 'core/decode', /^src\/core\/checkpoint\/dtype/],
  'core/decode': ['core/bytes', /^src\/core\/checkpoint\/dtype/],
  'core/checkpoint': ['core/bytes', 'core/container', 'core/decode'],
  'core/analysis': ['core/bytes', /^src\/core\/checkpoint\/(dtype|tensor|values)/],
  'core/history': [/^src\/core\/checkpoint\/(checkpoint|tensor)/, /^src\/core\/decode\/plain/],
  'core/verify': [
    'core/analysis',
    'core/bytes',
    'core/container',
    'core/history',
    /^src\/core\/checkpoint\/(?!layouts)/,
    'core/decode',
  ],
  'core/run': [
    'core/bytes',
    'core/history',
    'core/verify',
    /^src\/core\/checkpoint\/(?!layouts)/,
    /^src\/core\/decode\/(json|plain)/,
  ],
  'core/diff': ['core/analysis', 'core/bytes', 'core/decode', 'core/verify', /^src\/core\/checkpoint\/(?!layouts)/],
  'core/write': ['core/bytes', 'core/container', 'core/decode', /^src\/core\/checkpoint\/(dtype|tensor|values)/],
  'core/repair': [
    'core/analysis',
    'core/bytes',
    'core/container',
    'core/decode',
    'core/history',
    'core/verify',
    'core/write',
    /^src\/core\/checkpoint\/(?!layouts)/,
  ],
  contract: [],
  engine: ['core', 'contract'],
  main: ['contract/bridge', 'engine/channel'],
  preload: ['contract/bridge'],
  renderer: ['contract'],
  cli: ['engine', 'contract'],
}

const source = (entry) => (entry instanceof RegExp ? entry.source : `^src/${entry}`)

module.exports = {
  forbidden: [
    ...Object.entries(mayImport).map(([folder, others]) => ({
      name: `${folder.replace('/', '-')}-looks-down-only`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: {
        path: '^src/',
        pathNot: [`^src/${folder}/`, ...(folder.startsWith('core/') ? words : []), ...others.map(source)],
      },
    })),
    {
      name: 'only-bytes-touches-the-system',
      comment: 'The core reaches files, hashes and inflate through core/bytes alone.',
      severity: 'error',
      from: { path: '^src/core/', pathNot: '^src/core/bytes/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-stands-alone',
      comment: 'Of all packages the core knows only koffi, and only where bytes are read.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'], pathNot: 'node_modules/koffi' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-electron-outside-the-shell',
      severity: 'error',
      from: { pathNot: '^src/(main|preload)/' },
      to: { path: 'node_modules/electron/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/core/analysis/simd/assembly/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.cjs', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
