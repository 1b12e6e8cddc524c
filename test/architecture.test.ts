import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import t from 'tap'
import ts from 'typescript'

// The rules of docs/architecture.md that a machine can check, over all of `src`.

/** The repository, from `<build folder>/test`. */
const ROOT = join(import.meta.dirname, '..', '..')

interface LayerRule {
  /** Layers it may import, through their `index.js`. */
  readonly layers: readonly string[]
  /** Built-in modules. */
  readonly node: readonly string[]
  /** Packages, in files of this layer, and only as `import()` or as types. */
  readonly lazy?: Readonly<Record<string, readonly string[]>>
}

const NO_IO: readonly string[] = []

/** Who may import whom. A layer may always import itself. */
const LAYERS: Readonly<Record<string, LayerRule>> = {
  options: { layers: [], node: NO_IO },
  frame: { layers: ['options'], node: NO_IO },
  hpack: { layers: ['options'], node: NO_IO },
  connection: { layers: ['options', 'frame', 'hpack'], node: NO_IO },
  grpc: { layers: ['options', 'connection'], node: ['node:zlib'] },
  transport: {
    layers: ['options', 'connection', 'grpc'],
    node: [
      'node:net',
      'node:os',
      'node:perf_hooks',
      'node:timers',
      'node:tls',
      'node:crypto',
      'node:dns',
      'node:fs',
      'node:diagnostics_channel',
      'node:async_hooks',
    ],
  },
  channel: { layers: ['options', 'grpc', 'transport'], node: NO_IO },
  overload: { layers: ['options', 'transport'], node: NO_IO },
  codec: { layers: [], node: NO_IO },
  codegen: { layers: ['codec'], node: NO_IO },
  protobuf: { layers: ['codec'], node: NO_IO, lazy: { protobufjs: ['message-plan.ts'] } },
  micro: {
    layers: ['options', 'protobuf', 'grpc', 'transport', 'channel', 'overload'],
    node: ['node:async_hooks', 'node:diagnostics_channel'],
    lazy: {
      protobufjs: ['protobufjs-library.ts'],
      'protobufjs/ext/descriptor.js': ['file-descriptors.ts'],
      'protobufjs/ext/protojson.js': ['protobufjs-library.ts'],
    },
  },
  registry: {
    layers: ['options', 'grpc', 'transport', 'micro'],
    node: ['node:dgram', 'node:fs', 'node:http', 'node:https', 'node:os', 'node:zlib'],
    lazy: {
      '@nats-io/transport-node': ['nats-library.ts'],
    },
  },
  services: { layers: ['options', 'micro'], node: NO_IO },
  broker: {
    layers: ['options', 'transport', 'micro'],
    node: ['node:fs/promises', 'node:http', 'node:https'],
    lazy: {
      '@nats-io/transport-node': ['nats-library.ts'],
      amqplib: ['rabbitmq-library.ts'],
      redis: ['redis-library.ts'],
    },
  },
  compat: { layers: ['options', 'micro'], node: ['node:events', 'node:stream'] },
  otel: { layers: ['micro'], node: ['node:diagnostics_channel'] },
  testing: {
    layers: ['options', 'frame', 'hpack', 'connection', 'grpc', 'transport', 'micro'],
    node: NO_IO,
  },
  cli: {
    layers: ['micro', 'codegen'],
    node: ['node:fs', 'node:fs/promises', 'node:path', 'node:util'],
  },
}

/** Built-in modules that these files of a layer may import and the others may not. */
const NODE_IN_ONE_FILE: Readonly<Record<string, readonly string[]>> = {
  'node:zlib': [
    'src/grpc/wire/compression.ts',
    'src/registry/consul/tags.ts',
    'src/registry/mdns/node-answer.ts',
  ],
  'node:async_hooks': ['src/micro/call/inheritance.ts', 'src/transport/runtime/async-context.ts'],
  'node:crypto': ['src/transport/tls/tls-material.ts'],
  'node:net': [
    'src/transport/node/lent-reads.ts',
    'src/transport/node/node-connect.ts',
    'src/transport/node/node-listen.ts',
    // Arithmetic of networks (BlockList), no socket.
    'src/transport/proxy/exceptions.ts',
  ],
  'node:tls': [
    'src/transport/node/node-connect.ts',
    'src/transport/node/node-tls-door.ts',
    'src/transport/tls/tls-context.ts',
  ],
  'node:dns': ['src/transport/node/node-runtime.ts'],
  'node:fs': [
    'src/transport/node/descriptor-watch.ts',
    'src/registry/consul/environment.ts',
    'src/registry/kubernetes/cluster-environment.ts',
  ],
}

/** Time and chance enter through the runtime. */
const CLOCK_FILES: readonly string[] = [
  'src/transport/node/node-runtime.ts',
  'src/transport/node/node-listen.ts',
  'src/transport/node/descriptor-watch.ts',
]
const CLOCK_NAMES: ReadonlySet<string> = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'nextTick',
  'queueMicrotask',
])
const CLOCK_PROPERTIES: ReadonlySet<string> = new Set([
  'performance.now',
  'Date.now',
  'Math.random',
  'process.hrtime',
])

const FILE_LINES_MAX = 400
const FOLDER_FILES_MAX = 18

/** Files without a test of the same name, and the test that covers them. */
const COVERED_BY: Readonly<Record<string, string>> = {
  'broker/broker-error.ts': 'broker/engine-broker.test.ts',
  'broker/broker-limits.ts': 'broker/engine-broker.test.ts',
  'broker/engine-options.ts': 'broker/engine-broker.test.ts',
  'channel/balancing/least-request.ts': 'channel/balancers.test.ts',
  'channel/balancing/outcome.ts': 'channel/balancers.test.ts',
  'channel/balancing/peak-ewma.ts': 'channel/balancers.test.ts',
  'channel/balancing/pick-first.ts': 'channel/balancers.test.ts',
  'channel/retries/pushback.ts': 'channel/balancers.test.ts',
  'channel/balancing/round-robin.ts': 'channel/balancers.test.ts',
  'channel/picked.ts': 'channel/channel.test.ts',
  'channel/subchannel.ts': 'channel/channel.test.ts',
  'channel/unreachable.ts': 'channel/channel.test.ts',
  'channel/names/dns-resolver.ts': 'channel/names.test.ts',
  'channel/names/fixed-resolver.ts': 'channel/names.test.ts',
  'channel/names/target-name.ts': 'channel/names.test.ts',
  'channel/retries/retry-budget.ts': 'channel/retries.test.ts',
  'channel/retries/retry-rule.ts': 'channel/retries.test.ts',
  'channel/retries/retry-throttle.ts': 'channel/retries.test.ts',
  'channel/config/service-config.ts': 'channel/retries.test.ts',
  'connection/budgets/memory-budget.ts': 'connection/memory-account.test.ts',
  'connection/budgets/handler-slots.ts': 'scenario/handler-slots.test.ts',
  'grpc/server/call-acceptor.ts': 'grpc/router.test.ts',
  'grpc/client/call-connector.ts': 'grpc/client-call.test.ts',
  'grpc/wire/find-compression.ts': 'grpc/compression.test.ts',
  'grpc/wire/length-prefix.ts': 'grpc/message-reader.test.ts',
  'grpc/wire/limits.ts': 'grpc/status.test.ts',
  'grpc/wire/method.ts': 'grpc/router.test.ts',
  'grpc/client/request-headers.ts': 'grpc/client-call.test.ts',
  'hpack/hpack-error.ts': 'hpack/decoder-limits.test.ts',
  'channel/balancing/outlier-detection.ts': 'channel/wrappers.test.ts',
  'channel/balancing/random-subset.ts': 'channel/wrappers.test.ts',
  'channel/balancing/slow-start.ts': 'channel/wrappers.test.ts',
  'channel/balancing/zone-first.ts': 'channel/wrappers.test.ts',
  'channel/weights/load-report.ts': 'channel/weights.test.ts',
  'channel/weights/weighted-round-robin.ts': 'channel/weights.test.ts',
  'overload/gate.ts': 'overload/overload.test.ts',
  'overload/overload-options.ts': 'options/option-check.test.ts',
  'overload/priority.ts': 'overload/limits.test.ts',
  'overload/ticket.ts': 'overload/overload.test.ts',
  'registry/registry-error.ts': 'registry/records.test.ts',
  'services/health-messages.ts': 'services/health.test.ts',
  'services/reflection-messages.ts': 'services/reflection.test.ts',
  'micro/client/client.ts': 'micro/both-doors.test.ts',
  'micro/service/codec.ts': 'micro/options.test.ts',
  'micro/errors/micro-error.ts': 'micro/errors.test.ts',
  'micro/discovery/selector.ts': 'micro/registry.test.ts',
  'micro/server/server.ts': 'micro/both-doors.test.ts',
  'micro/service/service.ts': 'micro/load-service.test.ts',
  'options/describe.ts': 'options/option-check.test.ts',
  'options/number-range.ts': 'options/option-check.test.ts',
  'connection/headers/header-list-error.ts': 'connection/header-writer.test.ts',
  'connection/connection-options.ts': 'options/option-check.test.ts',
  'transport/socket/connection-peer.ts': 'transport/server.test.ts',
  'codec/known/any.ts': 'generate/message-types.test.ts',
  'codec/json/base64.ts': 'generate/message-types.test.ts',
  'codec/message/extension.ts': 'generate/message-types.test.ts',
  'codec/wire/enum-type.ts': 'generate/message-types.test.ts',
  'codec/wire/field-error.ts': 'protobuf/message-codec.test.ts',
  'codec/message/field-row.ts': 'generate/message-types.test.ts',
  'codec/json/json.ts': 'generate/message-types.test.ts',
  'codec/message/message-type.ts': 'generate/message-types.test.ts',
  'codec/wire/read-lists.ts': 'generate/message-types.test.ts',
  'codec/wire/reader.ts': 'generate/message-types.test.ts',
  'codec/service.ts': 'generate/services.test.ts',
  'codec/wire/unknown-fields.ts': 'generate/message-types.test.ts',
  'codec/known/wkt-struct.ts': 'generate/message-types.test.ts',
  'codec/known/wkt-time.ts': 'generate/message-types.test.ts',
  'codec/known/wkt-values.ts': 'generate/message-types.test.ts',
  'codec/wire/write-lists.ts': 'generate/message-types.test.ts',
  'codec/wire/write-scalars.ts': 'generate/message-types.test.ts',
  'codec/wire/writer.ts': 'generate/message-types.test.ts',
  'codegen/generate.ts': 'generate/generator.test.ts',
  'codegen/schema/generate-options.ts': 'generate/generator.test.ts',
  'codegen/load-schema.ts': 'generate/parser.test.ts',
  'codegen/plugin.ts': 'generate/generator.test.ts',
  'codegen/plugin-client.ts': 'cli/generate-program.test.ts',
  'protobuf/message-decoder.ts': 'protobuf/message-codec.test.ts',
  'protobuf/message-encoder.ts': 'protobuf/message-codec.test.ts',
  'protobuf/message-plan.ts': 'protobuf/message-codec.test.ts',
  'protobuf/scalars.ts': 'protobuf/message-codec.test.ts',
  'protobuf/well-known.ts': 'protobuf/message-codec.test.ts',
  'micro/service/definition-service.ts': 'compat/definition-shapes.test.ts',
  'testing/simulated-clock.ts': 'simulate/simulate.test.ts',
  'testing/simulated-network.ts': 'simulate/simulate.test.ts',
  'testing/simulated-socket.ts': 'simulate/simulate.test.ts',
}

/** Files below `folder`, as paths from the root. */
function filesBelow(folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...filesBelow(path))
    else found.push(path)
  }
  return found.sort()
}

interface Source {
  /** From the root, with slashes. */
  readonly path: string
  readonly layer: string
  readonly tree: ts.SourceFile
  readonly lineCount: number
}

function sourcesBelow(folder: string): Source[] {
  return filesBelow(folder)
    .filter(path => path.endsWith('.ts') && !path.includes('node_modules'))
    .map(path => {
      const text = readFileSync(join(ROOT, path), 'utf8')
      const parts = path.split(sep)
      return {
        path: parts.join('/'),
        layer: parts.length > 2 ? parts[1]! : '',
        tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
        lineCount: text.split('\n').length - 1,
      }
    })
}

const sources: readonly Source[] = sourcesBelow('src')

interface Import {
  readonly target: string
  /** Erased by the compiler, or made when it is needed. */
  readonly lazy: boolean
}

function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node)
  ts.forEachChild(node, child => visit(child, each))
}

function importsOf(source: Source): Import[] {
  const found: Import[] = []
  visit(source.tree, node => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause
      const lazy = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      found.push({ target: (node.moduleSpecifier as ts.StringLiteral).text, lazy })
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      found.push({ target: (node.moduleSpecifier as ts.StringLiteral).text, lazy: node.isTypeOnly })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      const target =
        argument !== undefined && ts.isStringLiteral(argument) ? argument.text : '(computed)'
      found.push({ target, lazy: true })
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push({ target: (node.argument.literal as ts.StringLiteral).text, lazy: true })
    }
  })
  return found
}

/** Why the import is not allowed, or undefined. */
function importFault(source: Source, { target, lazy }: Import): string | undefined {
  if (!target.startsWith('.')) return packageFault(source, target, lazy)
  const path = relative(ROOT, join(ROOT, dirname(source.path), target))
    .split(sep)
    .join('/')
  const [top, layer, ...rest] = path.split('/')
  if (top !== 'src') return `imports ${target}, outside of src`
  if (rest.length === 0) return source.layer === '' ? undefined : `imports ${target}`
  if (layer === source.layer) {
    return rest.join('/') === 'index.js' ? `imports ${target} of its own layer` : undefined
  }
  const allowed = source.layer === '' ? Object.keys(LAYERS) : LAYERS[source.layer]!.layers
  if (!allowed.includes(layer!)) return `may not import ${layer}`
  return rest.join('/') === 'index.js' ? undefined : `imports ${target}, past the front door`
}

function packageFault(source: Source, target: string, lazy: boolean): string | undefined {
  const rule = LAYERS[source.layer]
  if (rule === undefined) return `imports ${target}`
  if (target.startsWith('node:')) {
    if (!rule.node.includes(target)) return `may not import ${target}`
    const onlyIn = NODE_IN_ONE_FILE[target]
    return source.layer === 'cli' || onlyIn === undefined || onlyIn.includes(source.path) || lazy
      ? undefined
      : `only ${onlyIn.join(', ')} imports ${target}`
  }
  const files = rule.lazy?.[target]
  if (files === undefined) return `may not import ${target}`
  if (!lazy) return `imports ${target} before it is needed`
  return undefined
}

t.test('every folder of src is a layer that has its rule', t => {
  for (const entry of readdirSync(join(ROOT, 'src'), { withFileTypes: true })) {
    if (entry.isDirectory()) t.ok(entry.name in LAYERS, entry.name)
    else t.equal(entry.name, 'index.ts')
  }
  t.ok(sources.length > 20)
  t.end()
})

t.test('each layer has a front door', t => {
  for (const layer of new Set(sources.map(source => source.layer))) {
    if (layer !== '' && layer !== 'cli')
      t.ok(existsSync(join(ROOT, 'src', layer, 'index.ts')), layer)
  }
  t.end()
})

t.test(`a folder has at most ${FOLDER_FILES_MAX} files`, t => {
  const counts = new Map<string, number>()
  for (const { path } of sources) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  for (const [folder, count] of counts) {
    t.ok(count <= FOLDER_FILES_MAX, `${folder}: ${count} files`)
  }
  t.end()
})

/** What a file of ours imports of ours, types included. */
function ownImports(source: Source): string[] {
  return importsOf(source)
    .filter(({ target }) => target.startsWith('.'))
    .map(({ target }) => join(dirname(source.path), target).split(sep).join('/'))
    .map(path => path.replace(/\.js$/, '.ts'))
}

/** The first circle that is found, from `start` back to it. */
function circleFrom(
  graph: ReadonlyMap<string, readonly string[]>,
  start: string,
  done: Set<string>,
  path: readonly string[] = [],
): readonly string[] | undefined {
  if (path.includes(start)) return [...path.slice(path.indexOf(start)), start]
  if (done.has(start)) return undefined
  for (const next of graph.get(start) ?? []) {
    const circle = circleFrom(graph, next, done, [...path, start])
    if (circle !== undefined) return circle
  }
  done.add(start)
  return undefined
}

function circleOf(graph: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>()
  for (const start of graph.keys()) {
    const circle = circleFrom(graph, start, done)
    if (circle !== undefined) return circle.join(' -> ')
  }
  return undefined
}

t.test('no file imports itself in the end, types included', t => {
  const others = ['bench', 'fuzz', 'scripts', 'interop/node'].flatMap(sourcesBelow)
  const all = [...sources, ...others]
  t.ok(all.length > 400)
  const graph = new Map(all.map(source => [source.path, ownImports(source)]))
  t.equal(circleOf(graph), undefined)
  t.end()
})

t.test('within a layer, folders import each other in one direction', t => {
  for (const layer of Object.keys(LAYERS)) {
    const graph = new Map<string, string[]>()
    for (const source of sources) {
      // The front door shows what all rooms have; it is no room.
      if (source.layer !== layer || source.path === `src/${layer}/index.ts`) continue
      const from = dirname(source.path)
      const rooms = ownImports(source)
        .map(path => dirname(path))
        .filter(room => room !== from && room.startsWith(`src/${layer}`))
      graph.set(from, [...(graph.get(from) ?? []), ...rooms])
    }
    t.equal(circleOf(graph), undefined, layer)
  }
  t.end()
})

t.test('a layer imports layers to its left only, through their index.js', t => {
  for (const source of sources) {
    for (const found of importsOf(source)) {
      const fault = importFault(source, found)
      if (fault !== undefined) t.fail(`${source.path} ${fault}`)
    }
  }
  t.ok(sources.some(source => importsOf(source).length > 0))
  t.end()
})

t.test('packages are imported lazily, and only where the table says', t => {
  for (const source of sources) {
    visit(source.tree, node => {
      if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return
      const target = (node.arguments[0] as ts.StringLiteral).text
      const files = LAYERS[source.layer]?.lazy?.[target] ?? []
      t.ok(files.includes(basename(source.path)), `${source.path} loads ${target}`)
    })
  }
  t.end()
})

t.test('no node:http2 and no @grpc packages', t => {
  for (const source of sources) {
    for (const { target } of importsOf(source)) {
      t.notMatch(target, /^((node:)?http2|@grpc\/)/, source.path)
    }
  }
  t.end()
})

t.test('time and chance enter through the runtime', t => {
  for (const { path, tree } of sources) {
    if (CLOCK_FILES.includes(path)) continue
    visit(tree, node => {
      if (ts.isIdentifier(node) && CLOCK_NAMES.has(node.text)) t.fail(`${path} uses ${node.text}`)
      if (ts.isPropertyAccessExpression(node) && CLOCK_PROPERTIES.has(node.getText())) {
        t.fail(`${path} uses ${node.getText()}`)
      }
    })
  }
  t.end()
})

t.test('no promise is made below micro, transport excepted', t => {
  for (const { path, layer, tree } of sources) {
    if (
      [
        'transport',
        'micro',
        'registry',
        'services',
        'broker',
        'compat',
        'otel',
        'testing',
        'cli',
      ].includes(layer)
    )
      continue
    visit(tree, node => {
      if (ts.isNewExpression(node) && node.expression.getText() === 'Promise')
        t.fail(`${path} makes a promise`)
      if (ts.isAwaitExpression(node)) t.fail(`${path} awaits`)
      if (node.kind === ts.SyntaxKind.AsyncKeyword) t.fail(`${path} has an async function`)
    })
  }
  t.end()
})

t.test('names are exported one by one, and there is no default export', t => {
  for (const { path, tree } of sources) {
    for (const statement of tree.statements) {
      if (ts.isExportDeclaration(statement)) {
        t.ok(statement.exportClause !== undefined, `${path}: export *`)
      }
      t.notOk(ts.isExportAssignment(statement), `${path}: export default`)
      const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined
      const isDefault = modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
      t.not(isDefault, true, `${path}: export default`)
    }
  }
  t.end()
})

/** Where the public types of connections, streams, sessions and calls are declared. */
const FACES: readonly string[] = [
  'src/connection/connection.ts',
  'src/connection/streams/stream.ts',
  'src/grpc/client/client-call.ts',
  'src/grpc/client/client-call-face.ts',
  'src/grpc/server/server-call.ts',
  'src/transport/client/session.ts',
  'src/transport/client/session-state.ts',
]

t.test('Connection, Stream, Session, ClientCall and ServerCall show nothing internal', t => {
  for (const face of FACES) {
    const tree = sources.find(({ path }) => path === face)?.tree
    t.ok(tree !== undefined, face)
    t.notMatch(tree?.text, '@internal', face)
  }
  t.end()
})

t.test(`a file has at most ${FILE_LINES_MAX} lines`, t => {
  for (const { path, lineCount } of sources) {
    if (!path.endsWith('-table.ts'))
      t.ok(lineCount <= FILE_LINES_MAX, `${path}: ${lineCount} lines`)
  }
  t.end()
})

/** Nothing that runs: only types, and imports and exports of types. */
function isTypesOnly(tree: ts.SourceFile): boolean {
  return tree.statements.every(
    statement =>
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement) ||
      ts.isImportDeclaration(statement) ||
      (ts.isExportDeclaration(statement) && statement.isTypeOnly),
  )
}

/** What a layer shows: the files its index names. The rest is inside and proved through them. */
function shownFiles(layer: string): ReadonlySet<string> {
  const index = sources.find(({ path }) => path === `src/${layer}/index.ts`)
  const shown = new Set<string>()
  for (const statement of index?.tree.statements ?? []) {
    if (!ts.isExportDeclaration(statement) || statement.isTypeOnly) continue
    const target = statement.moduleSpecifier?.getText().slice(1, -1) ?? ''
    if (target.startsWith('./')) shown.add(`${layer}/${target.slice(2).replace(/\.js$/, '.ts')}`)
  }
  return shown
}

t.test('what a layer shows has a test of its name, or one that is listed for it', t => {
  for (const { path, layer, tree } of sources) {
    const name = path.slice('src/'.length)
    if (!shownFiles(layer).has(name) || name.endsWith('-table.ts') || isTypesOnly(tree)) continue
    const mirror = join('test', layer, `${basename(name, '.ts')}.test.ts`)
    const listed = COVERED_BY[name]
    const covered =
      existsSync(join(ROOT, mirror)) ||
      (listed !== undefined && existsSync(join(ROOT, 'test', listed)))
    t.ok(covered, `${path} needs ${mirror}`)
  }
  t.end()
})

t.test('the list of covering tests is no longer than it must be', t => {
  for (const [name, test] of Object.entries(COVERED_BY)) {
    t.ok(existsSync(join(ROOT, 'src', name)), `src/${name} is gone`)
    t.ok(existsSync(join(ROOT, 'test', test)), `test/${test} is gone`)
  }
  t.end()
})

const NOT_OURS: ReadonlySet<string> = new Set(['node_modules', 'dist', '.git', '.tap', '.cache'])
const TEXT_FILE =
  /(\.(ts|js|mjs|cjs|json|md|yml|yaml|proto|go|sh|txt|toml|mod)|\/\.npmrc|\/LICENSE)$/

/** Text files of the tree, without what is generated or fetched. */
function textFiles(folder: string): string[] {
  const found: string[] = []
  for (const name of readdirSync(join(ROOT, folder))) {
    if (NOT_OURS.has(name) || name.startsWith('.build') || name.endsWith('.tsbuildinfo')) continue
    const path = join(folder, name)
    const { isDirectory, size } = stat(path)
    if (isDirectory) found.push(...textFiles(path))
    else if (TEXT_FILE.test(`/${path}`) && size < 1 << 20) found.push(path)
  }
  return found
}

function stat(path: string): { isDirectory: boolean; size: number } {
  const stats = statSync(join(ROOT, path), { throwIfNoEntry: false })
  return { isDirectory: stats?.isDirectory() ?? false, size: stats?.size ?? 0 }
}

/** What must not be in the tree: it would tie it to one machine. */
const TIES: readonly [name: string, pattern: RegExp][] = [
  ['a home folder', /(?<![\w.~-])\/(home|Users)\/[a-z][\w.-]*\//],
  ['a path of one machine', /(?<![\w.~/-])\/(root|work|workspace|builds?)\/[\w.-]+/],
  ['a package source in the lock file', /"resolved": *"https?:/],
  [
    'a package source',
    /https?:\/\/[\w.-]*\b(artifactory|nexus|verdaccio|npm-proxy|goproxy|mirror)\b/i,
  ],
  ['a package source in a setting', /^\s*(registry|proxy|https-proxy)\s*=/m],
]

t.test('nothing in the tree names a machine or a package source', t => {
  const files = textFiles('.')
  t.ok(files.length > 100)
  for (const file of files) {
    const text = readFileSync(join(ROOT, file), 'utf8')
    for (const [name, pattern] of TIES) {
      const found = pattern.exec(text)
      if (found !== null) t.fail(`${file} has ${name}: ${found[0]}`)
    }
  }
  t.end()
})
