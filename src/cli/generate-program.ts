import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type GeneratedFile,
  GenerateError,
  generate,
  loadSchema,
  parseOptions,
} from '../codegen/index.js'
import type { Output } from './run.js'
import { version } from './version.js'

const USAGE = `usage: microwire generate [options] file.proto [more.proto]

Writes a TypeScript module for each .proto file, and for what it imports:
messages, their codec, services, types of handlers and clients.

  -I, --include DIR    look for files and imports in DIR; may come again.
                       Default: the folder of each file
  -o, --output DIR     write below DIR. Default: the current folder
      --opt NAME=VALUE options of the generator; may come again:
                         int64=bigint|number|string     64-bit integers (bigint)
                         timestamp=date|exact           Timestamp (date)
                         duration=ms|exact              Duration (ms)
                         unknown_fields=drop|keep       what the schema does not know (drop)
                         descriptors=none|embed         for server reflection (none)
                         import_extension=js|ts|none    between modules (js)
      --no-imports     only the files that are named
      --check          write nothing; exit code 1 when a file would change
  -v, --version        print the version of microwire
  -h, --help           print this
`

/** Runs `microwire`; returns its exit code: 0, 1 for a schema that cannot be used, 2 for wrong arguments. */
export function runGenerate(args: readonly string[], output: Output): number {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    return refuse(output, textOf(error))
  }
  const { values, positionals } = parsed
  if (values.version === true) return print(output, `${version()}\n`)
  const [command, ...files] = positionals
  if (values.help === true || command === undefined) return print(output, USAGE)
  if (command !== 'generate') return refuse(output, `there is no command ${command}`)
  if (files.length === 0) return refuse(output, 'no .proto file given')
  try {
    const modules = modulesOf(files, values)
    return values.check === true
      ? check(modules, values.output, output)
      : write(modules, values.output, output)
  } catch (error) {
    output.complain(`microwire: ${textOf(error)}\n`)
    return error instanceof GenerateError || error instanceof Error ? 1 : 2
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      include: { type: 'string', short: 'I', multiple: true },
      output: { type: 'string', short: 'o', default: '.' },
      opt: { type: 'string', multiple: true },
      'no-imports': { type: 'boolean' },
      check: { type: 'boolean' },
      version: { type: 'boolean', short: 'v' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

interface Wanted {
  readonly include?: string[] | undefined
  readonly opt?: string[] | undefined
  readonly 'no-imports'?: boolean | undefined
}

function modulesOf(files: readonly string[], wanted: Wanted): GeneratedFile[] {
  const folders = (wanted.include ?? files.map(file => dirname(file))).map(folder =>
    resolve(folder),
  )
  const names = files.map(file => nameOf(file, folders))
  const schema = loadSchema(names, name => readIn(folders, name))
  const options = parseOptions((wanted.opt ?? []).join(','))
  const targets = wanted['no-imports'] === true ? names : schema.map(({ name }) => name ?? '')
  const isOwn = (name: string): boolean =>
    names.includes(name) || readIn(folders, name) !== undefined
  return generate(schema, [...new Set(targets)].filter(isOwn), options)
}

/** The name of a file within the folders: what others import it by. */
function nameOf(file: string, folders: readonly string[]): string {
  const path = resolve(file)
  const place = existsSync(path) ? path : folders.map(folder => join(folder, file)).find(existsSync)
  if (place === undefined) throw new GenerateError(`there is no file ${file}`)
  for (const folder of folders) {
    const within = relative(folder, place)
    if (!within.startsWith('..') && !isAbsolute(within)) return within.split(sep).join('/')
  }
  throw new GenerateError(`${file} is in none of the folders given with -I`)
}

function readIn(folders: readonly string[], name: string): string | undefined {
  const path = folders.map(folder => join(folder, name)).find(isFile)
  return path === undefined ? undefined : readFileSync(path, 'utf8')
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function write(modules: readonly GeneratedFile[], folder: string, output: Output): number {
  for (const { name, content } of modules) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    output.print(`${path}\n`)
  }
  return 0
}

function check(modules: readonly GeneratedFile[], folder: string, output: Output): number {
  const stale = modules
    .map(({ name, content }) => ({ path: join(folder, name), content }))
    .filter(({ path, content }) => !isFile(path) || readFileSync(path, 'utf8') !== content)
  for (const { path } of stale) output.complain(`microwire: ${path} is out of date\n`)
  return stale.length === 0 ? 0 : 1
}

function print(output: Output, text: string): 0 {
  output.print(text)
  return 0
}

function refuse(output: Output, problem: string): 2 {
  output.complain(`microwire: ${problem}\n\n${USAGE}`)
  return 2
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
