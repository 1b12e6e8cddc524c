import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { generateTypes } from '../micro/index.js'
import { version } from './version.js'

/** Where the program writes. */
export interface Output {
  print(text: string): void
  complain(text: string): void
}

const USAGE = `usage: microwire-types [options] file.proto [more.proto]

Prints TypeScript types of messages, enums and services, for loadService.

  -I, --include DIR   look for imports in DIR too; may come again
  -o, --output FILE   write to FILE instead of printing
      --int64 FORM    bigint (default), string or number, as in loadService
      --well-known FORM   native (default: Timestamp is a Date, ...) or raw, as in loadService
      --module NAME   import helper types from NAME (default: microwire)
  -v, --version       print the version of microwire
  -h, --help          print this
`

/** Runs the program; returns its exit code: 0, 1 for a schema that cannot be used, 2 for wrong arguments. */
export async function run(args: readonly string[], output: Output): Promise<number> {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    output.complain(`microwire-types: ${textOf(error)}\n\n${USAGE}`)
    return 2
  }
  const { values, positionals } = parsed
  if (values.help === true) {
    output.print(USAGE)
    return 0
  }
  if (values.version === true) {
    output.print(`${version()}\n`)
    return 0
  }
  const int64 = values.int64 ?? 'bigint'
  const wellKnownTypes = values['well-known'] ?? 'native'
  if (!isInt64(int64)) return refuse(output, `--int64 ${int64} is unknown`)
  if (!isForm(wellKnownTypes)) return refuse(output, `--well-known ${wellKnownTypes} is unknown`)
  if (positionals.length === 0) return refuse(output, 'no .proto file given')
  try {
    const text = await generateTypes(positionals, {
      int64,
      wellKnownTypes,
      includeDirs: values.include ?? [],
      source: positionals.map(file => basename(file)).join(', '),
      ...(values.module === undefined ? {} : { module: values.module }),
    })
    if (values.output === undefined) output.print(text)
    else await writeFile(values.output, text)
  } catch (error) {
    output.complain(`microwire-types: ${textOf(error)}\n`)
    return 1
  }
  return 0
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      include: { type: 'string', short: 'I', multiple: true },
      output: { type: 'string', short: 'o' },
      int64: { type: 'string' },
      'well-known': { type: 'string' },
      module: { type: 'string' },
      version: { type: 'boolean', short: 'v' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

function refuse(output: Output, problem: string): 2 {
  output.complain(`microwire-types: ${problem}\n\n${USAGE}`)
  return 2
}

function isForm(form: string): form is 'native' | 'raw' {
  return form === 'native' || form === 'raw'
}

function isInt64(form: string): form is 'bigint' | 'string' | 'number' {
  return form === 'bigint' || form === 'string' || form === 'number'
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
