import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { EXPECTED, RESOLUTIONS, writeTypeScriptProject } from '../../scripts/matrix/consumers.js'
import { createServer, defineService, GrpcError, jsonCodec, Status } from '../../src/index.js'
import { missingTools } from '../support/npm-folder.js'
import { type Packed, packed } from '../support/packed.js'

// The package as it is published: what is in it, what linters say of it, and that a bundler takes it.

t.setTimeout(300_000)

const TOOLS = 'test/package'
/**
 * What is fetched: 1,717 kB in November 2026, with the generator's programs, registries and brokers,
 * which have neither source nor map here. Room to grow by a twentieth. Unit: octets.
 */
const PACKED_SIZE_MAX = 1_800_000
/** 7.1 MB in November 2026. Unit: octets. */
const UNPACKED_SIZE_MAX = 7_450_000
/** Modules that a door and what it imports are made of. */
const DOOR_MODULES_MAX = 16
const run = promisify(execFile)

type Entry = string | { readonly [condition: string]: Entry }

interface Manifest {
  readonly main: string
  readonly types: string
  readonly exports: Readonly<Record<string, Entry>>
  readonly typesVersions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly bin: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const skip = await missingTools(TOOLS)
const published: Packed = await packed(t)

/** Runs a tool of `test/package`; its exit code is what it thinks of the package. */
async function tool(name: string, bin: string, args: readonly string[]): Promise<Outcome> {
  const command = [join(TOOLS, 'node_modules', name, bin), ...args]
  // Without what tap adds to every process of node: not every tool bears it.
  const bare = ['-u', 'NODE_OPTIONS', process.execPath, ...command]
  return await run('env', bare, { maxBuffer: 1 << 26 }).then(
    ({ stdout }) => ({ exitCode: 0, stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      exitCode: error.code,
      stdout: error.stdout + error.stderr,
    }),
  )
}

interface Outcome {
  readonly exitCode: number
  readonly stdout: string
}

const installed = join(published.folder, 'node_modules/microwire')
const paths: readonly string[] = published.files.map(file => file.path)

t.test('npm pack: what users need, and nothing else', t => {
  const folders = /^(?:dist|src|docs|examples)\//
  t.same(paths.filter(path => !folders.test(path)).sort(), [
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'package.json',
  ])
  const compiled = paths.filter(path => path.startsWith('dist/'))
  const sourceOf = (path: string) =>
    path.replace(/^dist\/(?:cjs\/)?/, 'src/').replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts')
  const strange = compiled.filter(
    // Of programs and engines only what runs is there, and the engines' types.
    path =>
      !/^dist\/(?:cjs\/package\.json|(?:cli|codegen)\/(?:[\w-]+\/)?[\w-]+\.js)$/.test(path) &&
      !/^dist\/chunks\/\w+\.js(?:\.map)?$/.test(path) &&
      !/^dist\/(?:cjs\/)?(?:registry|broker)\/(?:[\w-]+\/)?[\w-]+(?:\.d\.ts|\.js)$/.test(path) &&
      !paths.includes(sourceOf(path)),
  )
  t.same(strange, [], 'everything is made of a source that is there')
  for (const path of namedPaths()) t.ok(paths.includes(path), `${path} is there`)
  t.end()
})

/** Files that package.json names. */
function namedPaths(): string[] {
  const doors = Object.values(manifest.exports).flatMap(pathsOf)
  const older = Object.values(manifest.typesVersions['*'] ?? {}).flat()
  const named = [...doors, ...older, manifest.main, manifest.types, ...Object.values(manifest.bin)]
  return named.map(path => path.replace(/^\.\//, ''))
}

function pathsOf(entry: Entry): string[] {
  return typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(pathsOf)
}

t.test('code whose source is in the package has a source map of lines', t => {
  const mapped = new Set<string>()
  for (const path of paths.filter(path => path.endsWith('.js.map'))) {
    const map = mapOf(path)
    const module = path.slice(0, -'.map'.length)
    const text = readFileSync(join(installed, module), 'utf8')
    t.ok(
      text.trimEnd().endsWith(`//# sourceMappingURL=${basename(path)}`),
      `${module} names its map`,
    )
    const missing = map.sources.filter(source => !paths.includes(join(dirname(path), source)))
    t.same(missing, [], path)
    const kind = path.startsWith('dist/cjs/') ? 'cjs' : 'esm'
    for (const source of map.sources) mapped.add(`${kind} ${join(dirname(path), source)}`)
  }
  const sources = paths.filter(path => path.startsWith('src/') && hasCode(path))
  for (const kind of ['esm', 'cjs']) {
    t.same(
      sources.filter(source => !mapped.has(`${kind} ${source}`)),
      [],
      kind,
    )
  }
  t.end()
})

function mapOf(path: string): SourceMapPayload {
  return JSON.parse(readFileSync(join(installed, path), 'utf8')) as SourceMapPayload
}

/** Whether anything of a source runs. */
function hasCode(path: string): boolean {
  const text = readFileSync(join(installed, path), 'utf8')
  return /^(?:export )?(?:async )?(?:const|function|class|abstract class) /m.test(text)
}

t.test('a source map leads to the line that was compiled', t => {
  for (const [folder, source] of [
    ['dist/chunks/', 'src/frame/frame-reader.ts'],
    ['dist/cjs/micro/client/', 'src/micro/client/client.ts'],
  ] as const) {
    const path = paths.find(
      path =>
        path.startsWith(folder) &&
        path.endsWith('.js.map') &&
        mapOf(path).sources.some(each => join(dirname(path), each) === source),
    )!
    const map = new SourceMap(mapOf(path))
    const lines = readFileSync(join(installed, path.slice(0, -'.map'.length)), 'utf8').split('\n')
    const original = readFileSync(join(installed, source), 'utf8').split('\n')
    const entryOf = (line: string, at: number): SourceMapping | undefined => {
      const entry = map.findEntry(at, /^\s*/.exec(line)![0].length)
      if (!('originalSource' in entry) || entry.generatedLine !== at) return undefined
      return join(dirname(path), entry.originalSource) === source ? entry : undefined
    }
    // A line that compilers leave as it is, but for types and indentation: no call of another module.
    const at = lines.findIndex(
      (line, index) =>
        /^\s+(?:return|throw) (?!\(0,)[^;]{20,}/.test(line) && entryOf(line, index) !== undefined,
    )
    const { originalLine, originalColumn } = entryOf(lines[at]!, at)!
    const words = (line: string) => line.trim().slice(0, 14)
    t.equal(words(original[originalLine]!.slice(originalColumn)), words(lines[at]!), path)
  }
  t.end()
})

t.test('importing a door reads a few modules, not one for each source', t => {
  // 387 modules took 300 ms and more of CPU time, ten take 80.
  for (const door of Object.values(manifest.exports)) {
    if (typeof door === 'string') continue
    const entry = (door['import'] as Readonly<Record<string, string>>)['default']!
    const reached = new Set<string>()
    const waiting = [join(installed, entry)]
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (reached.has(path)) continue
      reached.add(path)
      const text = readFileSync(path, 'utf8')
      for (const [, name] of text.matchAll(/^(?:\} from|import) "(\.[^"]+)"/gm)) {
        waiting.push(join(dirname(path), name!))
      }
    }
    t.ok(reached.size <= DOOR_MODULES_MAX, `${entry}: ${reached.size}`)
  }
  t.end()
})

t.test('declarations import types of node, and of no package that may be missing', t => {
  const doors = Object.values(manifest.exports).flatMap(pathsOf)
  const waiting = doors.filter(path => path.endsWith('.d.ts')).map(path => join(installed, path))
  const reached = new Set<string>()
  const foreign = new Set<string>()
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    const text = readFileSync(path, 'utf8')
    for (const [, name] of text.matchAll(/(?:from |import\()['"]([^'"]+)['"]/g)) {
      if (name!.startsWith('.')) waiting.push(join(dirname(path), name!.replace(/js$/, 'd.ts')))
      else if (!name!.startsWith('node:')) foreign.add(`${path.slice(installed.length)}: ${name}`)
    }
  }
  t.same([...foreign], [])
  t.ok(reached.size > 100, `${reached.size} files`)
  t.end()
})

t.test('import and require give one copy in Node, whose types are the same', async t => {
  const program = join(published.folder, 'both.cjs')
  writeFileSync(
    program,
    `const required = require('microwire')
import('microwire').then(imported => console.log(imported.createServer === required.createServer))`,
  )
  const { stdout, stderr } = await run(process.execPath, [program])
  t.same([stdout, stderr], ['true\n', ''])
  const text = readFileSync(join(installed, 'dist/frame/index.d.ts'), 'utf8')
  t.equal(text, "export * from '../cjs/frame/index.js';\n")
  t.end()
})

t.test('the CommonJS copy runs by itself, and beside the other one', async t => {
  const program = join(published.folder, 'copies.cjs')
  writeFileSync(program, COPIES)
  const { stdout } = await run(process.execPath, [program], { timeout: 20_000 })
  t.same(stdout.split('\n'), ['cjs calls esm: hello', 'esm calls cjs: hello', ''])
})

t.test(`npm pack: at most ${PACKED_SIZE_MAX} octets, ${UNPACKED_SIZE_MAX} unpacked`, t => {
  const { size } = statSync(published.tarball)
  t.ok(size < PACKED_SIZE_MAX, `${size} octets`)
  t.ok(published.unpackedSize < UNPACKED_SIZE_MAX, `${published.unpackedSize} octets`)
  t.end()
})

t.test('publint finds nothing', { skip }, async t => {
  const { exitCode, stdout } = await tool('publint', 'src/cli.js', ['--strict', published.tarball])
  t.equal(exitCode, 0, stdout)
  t.match(stdout, /All good!/)
})

/** Without a profile: every way of finding modules, `node10` too. */
t.test('attw finds nothing', { skip }, async t => {
  const args = ['--format', 'json', published.tarball]
  const { exitCode, stdout } = await tool('@arethetypeswrong/cli', 'dist/index.js', args)
  t.equal(exitCode, 0, { found: stdout.slice(-2_000) })
  const { analysis } = JSON.parse(stdout) as { analysis: { entrypoints: object } }
  const entries = Object.keys(manifest.exports).sort()
  t.same(Object.keys(analysis.entrypoints).sort(), entries, 'every door was looked at')
})

/** Compilers, with the ways of finding modules that each is asked for; `npm run matrix` asks all of all. */
const COMPILERS: readonly (readonly [compiler: string, resolution: string])[] = [
  ['5.4', 'node10'],
  ['5.9', 'nodenext CommonJS'],
  ['7', 'bundler'],
]

t.test('a program over every door compiles, without skipLibCheck, and runs', { skip }, async t => {
  // The types of node, and protobufjs with its own dependency, which every user of those doors has.
  const modules = join(published.folder, 'node_modules')
  for (const name of ['protobufjs', 'long', '@types']) {
    symlinkSync(join(process.cwd(), 'node_modules', name), join(modules, name))
  }
  for (const [compiler, resolution] of COMPILERS) {
    const folder = join(published.folder, `${compiler} ${resolution}`)
    writeTypeScriptProject(folder, compiler, RESOLUTIONS[resolution]!)
    const { exitCode, stdout } = await tool(`typescript-${compiler}`, 'bin/tsc', ['-p', folder])
    t.equal(exitCode, 0, `${compiler} ${resolution}: ${stdout.slice(0, 2_000)}`)
    const ran = await run(process.execPath, ['out/main.js'], { cwd: folder, timeout: 30_000 })
    t.equal(ran.stdout.trim(), EXPECTED, `${compiler} ${resolution}`)
  }
  for (const name of ['protobufjs', 'long', '@types']) rmSync(join(modules, name))
})

t.test('protobufjs that is missing or too old: the error says what was found', async t => {
  const program = join(published.folder, 'schema.mjs')
  writeFileSync(
    program,
    `import { loadService } from 'microwire'
await loadService('none.proto', 'a.B').catch(error => console.log(error.message))`,
  )
  const needs = 'loading .proto files needs the package protobufjs, version 8.6.5 or later, and'
  const cure = 'npm install protobufjs@^8.6.5'
  const said = async () => (await run(process.execPath, [program])).stdout.trim()
  t.equal(await said(), `${needs} none was found: ${cure}`)
  const old = join(published.folder, 'node_modules/protobufjs')
  mkdirSync(join(old, 'ext'), { recursive: true })
  for (const version of ['7.5.4', '8.6.4']) {
    writeFileSync(join(old, 'package.json'), JSON.stringify({ version, main: 'index.js' }))
    writeFileSync(join(old, 'index.js'), '')
    if (version > '8') writeFileSync(join(old, 'ext/protojson.js'), '')
    t.equal(await said(), `${needs} found ${version}: ${cure}`)
  }
  rmSync(old, { recursive: true })
})

/** A program over the published package alone: not even protobufjs is installed beside it. */
const CLIENT = `
import { createClient, defineService, GrpcError, jsonCodec } from 'microwire'
const echo = defineService('echo.v1.Echo', {
  say: { kind: 'unary', request: jsonCodec(), response: jsonCodec() },
  count: { kind: 'server', request: jsonCodec(), response: jsonCodec() },
})
const client = createClient({ address: process.argv[2] })
const { say, count } = client.bind(echo)
console.log((await say({ text: 'hello' })).text)
for await (const { n } of count({ to: 2 })) console.log(n)
await say({ text: '' }).catch(error => console.log(error instanceof GrpcError, error.code))
await client.close()
`

/** Both copies of the package in one process, as a bundler or Jest may make them: one calls the other. */
const COPIES = `
const cjs = require('./node_modules/microwire/dist/cjs/index.js')
async function main() {
  const esm = await import('microwire')
  if (esm.createServer === cjs.createServer) throw new Error('one copy')
  for (const [name, ours, theirs] of [['cjs calls esm', cjs, esm], ['esm calls cjs', esm, cjs]]) {
    const echo = ours.defineService('echo.v1.Echo', {
      say: { kind: 'unary', request: ours.jsonCodec(), response: theirs.jsonCodec() },
    })
    const server = theirs.createServer({ name: 'echo', address: '127.0.0.1:0' })
    server.handle(echo, { say: ({ text }, { metadata }) => ({ text: text + metadata.get('end') }) })
    await server.start()
    const client = ours.createClient({ address: server.address })
    const metadata = theirs.Metadata.from({ end: 'o' })
    console.log(name + ': ' + (await client.bind(echo).say({ text: 'hell' }, { metadata })).text)
    await client.close()
    await server.stop()
  }
}
main()
`

t.test('a bundle of the client made by esbuild runs', { skip }, async t => {
  const entry = join(published.folder, 'client.mjs')
  const bundle = join(published.folder, 'bundle.mjs')
  writeFileSync(entry, CLIENT)
  const flags = ['--bundle', '--platform=node', '--format=esm', '--log-level=warning']
  const built = await tool('esbuild', 'bin/esbuild', [entry, ...flags, `--outfile=${bundle}`])
  t.equal(built.exitCode, 0)
  const text = readFileSync(bundle, 'utf8')
  t.notMatch(text, /from ["'](?!node:)/, 'nothing but built-in modules is left to import')
  t.match(text, /\bSocketDriver\b/)
  t.notMatch(
    text,
    /\b(?:SimulatedNetwork|DescriptorIndex|HealthWatch|EtcdClient)\b/,
    'it holds the layers it uses',
  )
  const server = createServer({ name: 'echo' })
  const codecs = { request: jsonCodec<{ text: string }>(), response: jsonCodec<{ text: string }>() }
  const counting = { request: jsonCodec<{ to: number }>(), response: jsonCodec<{ n: number }>() }
  const service = defineService('echo.v1.Echo', {
    say: { kind: 'unary', ...codecs },
    count: { kind: 'server', ...counting },
  })
  server.handle(service, {
    say({ text }) {
      if (text === '') throw new GrpcError(Status.InvalidArgument, 'no text')
      return { text: `${text} back` }
    },
    async *count({ to }) {
      for (let n = 1; n <= to; n++) yield { n }
    },
  })
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  const { stdout } = await run(process.execPath, [bundle, server.address], { timeout: 20_000 })
  t.same(stdout.trim().split('\n'), ['hello back', '1', '2', 'true INVALID_ARGUMENT'])
})

t.test('the npm tools of this test are pinned for every platform', t => {
  const lock = JSON.parse(readFileSync(join(TOOLS, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const wanted = lock.packages['node_modules/esbuild']?.optionalDependencies ?? {}
  const present = Object.keys(lock.packages).filter(name => name.includes('@esbuild/'))
  t.same(
    present.sort(),
    Object.keys(wanted)
      .map(name => `node_modules/${name}`)
      .sort(),
  )
  t.ok(present.length > 20)
  t.end()
})
