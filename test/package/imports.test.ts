import { execFile } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import type { SourceMapPayload } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import ts from 'typescript'
import { packed } from '../support/packed.js'

// What importing one door of the published package loads: seen twice, in its text and by Node itself.

const run = promisify(execFile)

/** What may be loaded: folders of `src`, and built-in modules by name. */
interface Allowed {
  readonly folders: readonly string[]
  readonly builtins: readonly string[]
}

const NOTHING: readonly string[] = []

const DOORS: Readonly<Record<string, Allowed>> = {
  frame: { folders: ['frame', 'options'], builtins: NOTHING },
  hpack: { folders: ['hpack', 'options'], builtins: NOTHING },
  connection: { folders: ['connection', 'frame', 'hpack', 'options'], builtins: NOTHING },
  grpc: { folders: ['connection', 'frame', 'grpc', 'hpack', 'options'], builtins: ['node:zlib'] },
}

const { folder } = await packed(t)
const DIST = realpathSync(join(folder, 'node_modules', 'microwire', 'dist'))

/** Every module that `file` asks for, and those that they ask for, by name or path. */
function reachable(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true)
    .importedFiles) {
    if (fileName.startsWith('.')) reachable(resolve(dirname(file), fileName), found)
    else found.add(fileName)
  }
  return found
}

/** Folders of `src` that a file was made of; its own, where it only passes on what others have. */
function foldersOf(file: string): string[] {
  if (!existsSync(`${file}.map`)) return [relative(DIST, file).split(/[\\/]/)[0]!]
  const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload
  const source = join(dirname(DIST), 'src')
  return sources.map(name => relative(source, resolve(dirname(file), name)).split(/[\\/]/)[0]!)
}

/**
 * Prints what `import(process.argv[2])` loads: files as the inspector sees them parsed, built-in
 * modules as Node lists them. What importing any module at all needs was loaded before, and
 * so were the modules that are allowed, with what they need themselves.
 */
const PROBE = `
import { Session } from 'node:inspector'
import './nothing.mjs'
const files = []
const session = new Session()
session.connect()
session.on('Debugger.scriptParsed', ({ params }) => files.push(params.url))
session.post('Debugger.enable')
await import('./nothing-else.mjs')
for (const name of process.argv.slice(3)) await import(name)
files.length = 0
const before = new Set(process.moduleLoadList)
await import(process.argv[2])
const builtins = process.moduleLoadList.filter(name => !before.has(name))
session.disconnect()
console.log(JSON.stringify({ files: files.filter(url => url.startsWith('file:')), builtins }))
`

interface Loaded {
  readonly files: readonly string[]
  readonly builtins: readonly string[]
}

async function load(specifier: string, allowed: readonly string[]): Promise<Loaded> {
  writeFileSync(join(folder, 'nothing.mjs'), '')
  writeFileSync(join(folder, 'nothing-else.mjs'), '')
  writeFileSync(join(folder, 'probe.mjs'), PROBE)
  const { stdout } = await run(process.execPath, ['probe.mjs', specifier, ...allowed], {
    cwd: folder,
  })
  const { files, builtins } = JSON.parse(stdout) as Loaded
  return {
    files: files.map(url => realpathSync(new URL(url))),
    // `NativeModule zlib`; `Internal Binding ...` comes with one of them.
    builtins: builtins.flatMap(name => /^NativeModule (?!internal\/)(.*)$/.exec(name)?.[1] ?? []),
  }
}

for (const [door, { folders, builtins }] of Object.entries(DOORS)) {
  t.test(`microwire/${door}: its modules name ${folders.join(', ')} and nothing else`, t => {
    const found = [...reachable(join(DIST, door, 'index.js'))]
    const files = found.filter(name => name.startsWith(DIST))
    t.same([...new Set(files.flatMap(foldersOf))].sort(), folders)
    const others = found.filter(name => !name.startsWith(DIST))
    t.same(others, builtins)
    t.end()
  })

  t.test(`microwire/${door}: Node loads ${folders.join(', ')} and nothing else`, async t => {
    const loaded = await load(`microwire/${door}`, builtins)
    t.same([...new Set(loaded.files.flatMap(foldersOf))].sort(), folders)
    t.ok(loaded.files.length > 1, 'the probe sees a door and what it passes on')
    t.same(loaded.builtins, [])
  })
}

t.test('the probe sees what the transport needs: it is not blind', async t => {
  const { files, builtins } = await load('microwire/transport', [])
  t.ok(files.flatMap(foldersOf).includes('transport'))
  // Not `net`: some releases of Node have loaded it before.
  for (const name of ['tls', 'dns', 'zlib']) t.ok(builtins.includes(name), name)
})
