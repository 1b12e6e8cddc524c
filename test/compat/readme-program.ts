import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { typeFaults } from '../support/type-faults.js'
import { ROOT } from './echo-definition.js'

// Below the repository's package.json, where `microwire` is this package.
const FOLDER = join(ROOT, '.build/readme-protobuf-es')

/** What became of a program of the README. */
export interface ReadmeProgram {
  readonly faults: readonly string[]
  readonly output: string
}

/**
 * The README's program for protobuf-es, generated, type-checked and run as its reader would.
 *
 * @param tools a `node_modules` with protoc, protoc-gen-es and @bufbuild/protobuf
 */
export function runProtobufEsProgram(tools: string): ReadmeProgram {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(join(FOLDER, 'node_modules'), { recursive: true })
  symlinkSync(join(tools, '@bufbuild'), join(FOLDER, 'node_modules/@bufbuild'), 'junction')
  writeFileSync(join(FOLDER, 'hello.proto'), snippet(readme, 'hello.proto'))
  writeFileSync(join(FOLDER, 'program.ts'), snippet(readme, 'protobuf-es'))
  const plugin = `--plugin=protoc-gen-es=${join(tools, '.bin/protoc-gen-es')}`
  const protoc = [join(tools, 'protoc/protoc.cjs'), plugin, '--es_out=.', '--es_opt=target=ts']
  execFileSync(process.execPath, [...protoc, '--proto_path=.', 'hello.proto'], { cwd: FOLDER })
  const faults = typeFaults([join(FOLDER, 'program.ts')])
  compile('hello_pb')
  compile('program')
  const output = execFileSync(process.execPath, ['program.js'], { cwd: FOLDER, encoding: 'utf8' })
  return { faults, output }
}

function snippet(readme: string, name: string): string {
  const start = readme.indexOf(`<!-- snippet: ${name} -->`)
  return /```\w+\n([\s\S]*?)```/.exec(readme.slice(start))![1]!
}

/** Compiles one file; its imports stay as they are. */
function compile(name: string): void {
  const text = readFileSync(join(FOLDER, `${name}.ts`), 'utf8')
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  const { outputText } = ts.transpileModule(text, { compilerOptions: options })
  writeFileSync(join(FOLDER, `${name}.js`), outputText)
}
