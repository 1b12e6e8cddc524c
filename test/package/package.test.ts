import { execFile } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createServer, defineService, GrpcError, jsonCodec, Status } from '../../src/index.js'
import { missingTools } from '../support/npm-folder.js'
import { type Packed, packed } from '../support/packed.js'

// The package as it is published: what is in it, what linters say of it, and that a bundler takes it.

t.setTimeout(300_000)

const TOOLS = 'test/package'
/** What is fetched: 300 kB in November 2026, and room to grow by half. Unit: octets. */
const PACKED_SIZE_MAX = 450_000
/** Unit: octets. */
const UNPACKED_SIZE_MAX = 1_572_864
const run = promisify(execFile)

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
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
  return await run('env', bare).then(
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

t.test('npm pack: what users need, and nothing else', t => {
  const paths = published.files.map(file => file.path)
  const beside = paths.filter(path => !path.startsWith('dist/'))
  t.same(beside.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
  const compiled = paths.filter(path => path.startsWith('dist/'))
  const sourceOf = (path: string) => path.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js)$/, '.ts')
  const strange = compiled.filter(
    path => !/\.(js|d\.ts)$/.test(path) || !existsSync(sourceOf(path)),
  )
  t.same(strange, [], 'everything is made of a source that is there')
  const mapped = compiled.filter(path =>
    readFileSync(join(published.folder, 'node_modules/microwire', path), 'utf8').includes(
      'sourceMappingURL',
    ),
  )
  t.same(mapped, [], 'none names a map: none is published')
  const named = Object.values(manifest.exports).flatMap(entry =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  )
  for (const path of [...named, ...Object.values(manifest.bin)]) {
    t.ok(paths.includes(path.replace(/^\.\//, '')), `${path} is there`)
  }
  t.end()
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

/**
 * The profile is `esm-only`: microwire has no CommonJS, on purpose. Node 20.19 and newer can
 * `require` it all the same, and the `node10` way of finding modules knows no `exports`.
 */
t.test('attw finds nothing', { skip }, async t => {
  const args = ['--profile', 'esm-only', '--format', 'json', published.tarball]
  const { exitCode, stdout } = await tool('@arethetypeswrong/cli', 'dist/index.js', args)
  t.equal(exitCode, 0, { found: stdout.slice(-2_000) })
  const { analysis } = JSON.parse(stdout) as { analysis: { entrypoints: object } }
  const entries = Object.keys(manifest.exports).sort()
  t.same(Object.keys(analysis.entrypoints).sort(), entries, 'every door was looked at')
})

const STRICTEST = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: 'es2022',
  types: ['node'],
}

/** Compilers, with the ways of finding modules that each is asked for. */
const COMPILERS: readonly (readonly [name: string, resolutions: readonly string[]])[] = [
  ['typescript-5.4', ['node16']],
  ['typescript-5.9', ['nodenext']],
  ['typescript-7', ['bundler']],
]

t.test(
  'the declarations compile, without skipLibCheck, under the strictest flags',
  { skip },
  async t => {
    const entry = join(published.folder, 'every-door.ts')
    const doors = Object.keys(manifest.exports).filter(door => !door.endsWith('.json'))
    const lines = doors.map(
      (door, at) => `export * as door${at} from '${door.replace('.', 'microwire')}'`,
    )
    writeFileSync(entry, `${lines.join('\n')}\n`)
    writeFileSync(join(published.folder, 'package.json'), '{ "type": "module" }')
    // The types of node and of protobufjs, which every user of those doors has.
    const typeRoots = [join(process.cwd(), 'node_modules/@types')]
    symlinkSync(
      join(process.cwd(), 'node_modules/protobufjs'),
      join(published.folder, 'node_modules/protobufjs'),
    )
    for (const [name, resolutions] of COMPILERS) {
      for (const resolution of resolutions) {
        const module = resolution === 'bundler' ? 'esnext' : resolution
        const how = { module, moduleResolution: resolution, typeRoots }
        const config = { compilerOptions: { ...STRICTEST, ...how }, files: ['every-door.ts'] }
        writeFileSync(join(published.folder, 'tsconfig.json'), JSON.stringify(config))
        const { exitCode, stdout } = await tool(name, 'bin/tsc', ['-p', published.folder])
        t.equal(exitCode, 0, `${name} ${resolution}: ${stdout.slice(0, 2_000)}`)
      }
    }
    rmSync(join(published.folder, 'node_modules/protobufjs'))
  },
)

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

t.test('a bundle of the client made by esbuild runs', { skip }, async t => {
  const entry = join(published.folder, 'client.js')
  const bundle = join(published.folder, 'bundle.mjs')
  writeFileSync(entry, CLIENT)
  const flags = ['--bundle', '--platform=node', '--format=esm', '--log-level=warning']
  const built = await tool('esbuild', 'bin/esbuild', [entry, ...flags, `--outfile=${bundle}`])
  t.equal(built.exitCode, 0)
  const text = readFileSync(bundle, 'utf8')
  t.notMatch(text, /from ["'](?!node:)/, 'nothing but built-in modules is left to import')
  t.match(text, /dist\/transport\//)
  t.notMatch(text, /dist\/(testing|services|compat|cli)\//, 'it holds the layers it uses')
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
