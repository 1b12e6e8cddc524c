import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { MessageType } from '../../src/codec/index.js'
import { generate, loadSchema, parseOptions } from '../../src/codegen/index.js'

const CODEC = pathToFileURL(join(import.meta.dirname, '../../src/codec/index.js')).href
const FOLDER = join(import.meta.dirname, '../../generated')

/** A module that was generated. */
export type GeneratedModule = Readonly<Record<string, unknown>>

/** Its message types by name. */
export function typesOf<const N extends readonly string[]>(
  module: GeneratedModule,
  ...names: N
): { readonly [K in keyof N]: MessageType } {
  return names.map(name => module[name] as MessageType) as { [K in keyof N]: MessageType }
}

let count = 0

/** Generates the modules of a schema, and loads the first. `parameter` is as a plugin gets it. */
export async function loadGenerated(
  files: Readonly<Record<string, string>>,
  parameter: string = '',
): Promise<GeneratedModule> {
  const names = Object.keys(files)
  const modules = generate(
    loadSchema(names, name => files[name]),
    names,
    parseOptions(parameter),
  )
  const folder = join(FOLDER, `${process.pid}-${++count}`)
  for (const { name, content } of modules) {
    const path = join(folder, name.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, compiled(content))
  }
  const first = join(folder, modules[0]!.name.replace(/\.ts$/, '.js'))
  return (await import(pathToFileURL(first).href)) as GeneratedModule
}

/** Without its types, and with the codec of this build. */
function compiled(content: string): string {
  const { outputText } = ts.transpileModule(content, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  })
  return outputText.replace("'microwire/codec'", `'${CODEC}'`)
}
