import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import ts from 'typescript'
import { readCorpus } from '../corpora.js'
import type { Suite } from '../suite.js'
import { tallyLines } from '../tally.js'
import { CACHE } from '../toolchain.js'
import { GRPC_JS_TESTS } from '../versions.js'
import { adapt } from './differences.js'

const TIME_MAX_MS = 3 * 60_000

/** Files that are about servers, and about what handlers are given. The others are about grpc-js's client. */
const FILES = [
  'test-server',
  'test-server-errors',
  'test-server-deadlines',
  'test-end-to-end',
  'test-retry',
  'test-metadata',
]

/** The tests ask lodash for one function. */
const LODASH = `exports.range = (start, end) =>
  Array.from({ length: end - start }, (_, index) => start + index)\n`

export const grpcJs: Suite = {
  name: 'grpc-js',
  about: "grpc-js's own tests of servers: its clients and its handlers, on servers of ours",
  async run(run) {
    const folder = prepare()
    for (const file of FILES) {
      const tally = run.row(file, GRPC_JS_TESTS.version)
      const runner = join(import.meta.dirname, 'run.js')
      const args = [runner, join(folder, 'test', `${file}.js`), file]
      const program = run.start(process.execPath, args)
      const { stdout, stderr } = await program.ended(TIME_MAX_MS)
      tallyLines(tally, stdout, stderr)
    }
  },
}

/** The tests as JavaScript; `../src` is what run.ts says, and what it says nothing of is grpc-js. */
function prepare(): string {
  const folder = join(CACHE, 'grpc-js')
  rmSync(folder, { recursive: true, force: true })
  for (const { path, bytes } of readCorpus(GRPC_JS_TESTS.archive)) {
    const at = path.indexOf('/test/')
    if (at < 0) continue
    const target = join(folder, path.slice(at + 1))
    mkdirSync(dirname(target), { recursive: true })
    if (path.endsWith('.ts')) {
      const source = adapt(basename(path, '.ts'), bytes.toString())
      writeFileSync(target.replace(/\.ts$/, '.js'), transpile(source))
    } else writeFileSync(target, bytes)
  }
  writeSource(folder)
  write(join(folder, 'node_modules/lodash/index.js'), LODASH)
  write(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
  return folder
}

function writeSource(folder: string): void {
  const { resolve: find } = createRequire(import.meta.url)
  const built = dirname(find('@grpc/grpc-js'))
  for (const name of readdirSync(built).filter(each => each.endsWith('.js'))) {
    const text = `module.exports = require(${JSON.stringify(join(built, name))})\n`
    write(join(folder, 'src', basename(name)), text)
  }
  write(join(folder, 'src/index.js'), 'module.exports = grpcJs\n')
  write(join(folder, 'src/metadata.js'), 'module.exports = grpcJsMetadata\n')
  const loader = JSON.stringify(resolve(dirname(find('@grpc/proto-loader'))))
  const loading = join(folder, 'node_modules/@grpc/proto-loader/index.js')
  write(loading, `module.exports = require(${loader})\n`)
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function transpile(source: string): string {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      // `import * as assert` is a function there.
      esModuleInterop: false,
      ignoreDeprecations: '6.0',
    },
  })
  return outputText
}
