import type * as protobuf from 'protobufjs'

/** protobufjs with its ProtoJSON extension, once loaded. */
export interface Library {
  readonly protobuf: typeof protobuf
  readonly protojson: typeof import('protobufjs/ext/protojson.js')
}

/** protobufjs's own way to files. */
export interface FileAccess {
  readonly fs: Files
  readonly path: { resolve(origin: string, target: string): string }
}

interface Files {
  existsSync(file: string): boolean
  readFileSync(file: string, encoding: 'utf8'): string
}

/** The oldest release that has what is used here. The peer range of package.json says the same. */
const OLDEST: readonly number[] = [8, 6, 5]

/** Options of other languages' generators: a schema that imports them needs that they are there, and no more. */
const FEATURES: readonly string[] = ['cpp', 'go', 'java']

/** Files that protoc brings along, protobufjs has in a folder of its own, and nobody has beside his. */
const SHIPPED = /^google\/protobuf\/(?:api|descriptor|source_context|type|compiler\/plugin)\.proto$/

/** In a bundle, a protobufjs that is found on disk says nothing of the one within. One of CommonJS has no URL. */
const IS_INSTALLED: boolean = String(import.meta.url).includes('/node_modules/microwire/')

let library: Promise<Library> | undefined

/** protobufjs, imported at first use. @throws Error that says what to install, and what was found */
export function loadLibrary(): Promise<Library> {
  library ??= importLibrary()
  return library
}

/** Where protobufjs keeps a file that protoc brings along; undefined for others, and in a bundle. */
export function shippedFile(name: string): string | undefined {
  return SHIPPED.test(name) ? pathOf(name) : undefined
}

/** How protobufjs reads files. @throws Error where there are none */
export function fileAccess(library: typeof protobuf): FileAccess {
  const util = library.util as unknown as { fs: Files | null; path: FileAccess['path'] }
  // In a bundle of ES modules its `require('fs')` finds nothing.
  util.fs ??= builtinFiles() ?? null
  const { fs, path } = util
  if (fs === null) throw new Error('.proto files cannot be read here: there is no module node:fs')
  return { fs, path }
}

function builtinFiles(): Files | undefined {
  return globalThis.process?.getBuiltinModule?.('node:fs')
}

// The catch of each import tells bundlers that the package may be missing: they leave the import as it is then.
async function importLibrary(): Promise<Library> {
  const [main, json] = await Promise.all([
    import('protobufjs').catch(refuse),
    import('protobufjs/ext/protojson.js').catch(refuse),
  ])
  const found = IS_INSTALLED ? foundVersion() : undefined
  if (found !== undefined && isOlder(found)) refuse(undefined)
  const protobuf = exportsOf(main)
  for (const language of FEATURES) {
    protobuf.common(`google/protobuf/${language}_features.proto`, {
      nested: { pb: { nested: {} } },
    })
  }
  return { protobuf, protojson: exportsOf(json) }
}

/** What a module of CommonJS exports: under Node, and in most bundles, everything hangs off the default export. */
export function exportsOf<T>(imported: T): T {
  return (imported as { default?: T }).default ?? imported
}

function refuse(cause: unknown): never {
  library = undefined
  const found = foundVersion()
  const text = found === undefined ? 'none was found' : `found ${found}`
  throw new Error(
    `loading .proto files needs the package protobufjs, version ${OLDEST.join('.')} or later, and ${text}: npm install protobufjs@^${OLDEST.join('.')}`,
    { cause },
  )
}

function isOlder(version: string): boolean {
  const parts = version.split(/[.-]/, OLDEST.length).map(Number)
  const at = OLDEST.findIndex((part, index) => part !== parts[index])
  return at !== -1 && parts[at]! < OLDEST[at]!
}

/** The version of the protobufjs that is installed; undefined for none, and in a bundle. */
function foundVersion(): string | undefined {
  const path = pathOf('package.json')
  const fs = builtinFiles()
  if (path === undefined || fs?.existsSync(path) !== true) return undefined
  return (JSON.parse(fs.readFileSync(path, 'utf8')) as { version: string }).version
}

/** The path of a file of the package protobufjs; undefined when it cannot be found. */
function pathOf(name: string): string | undefined {
  try {
    const url = new URL(import.meta.resolve(`protobufjs/${name}`))
    return decodeURIComponent(url.pathname).replace(/^\/(?=[A-Za-z]:)/, '')
  } catch {
    return undefined
  }
}
