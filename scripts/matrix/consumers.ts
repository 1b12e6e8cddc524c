import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/** The program that every consumer runs, its types and its schema. */
const SOURCES = 'test/consumers'
/** Its schema and its types. */
const EXAMPLES = 'examples'
const SCHEMA = join(EXAMPLES, 'greeter.proto')

/** What `run` of the program returns, as a program prints it. */
export const EXPECTED: string = expectedLines()

/** One way of finding modules, as a project of a user is set up for it. */
export interface Resolution {
  readonly type: 'module' | 'commonjs'
  readonly module: string
  readonly moduleResolution: string
}

export const RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  'node16 ESM': { type: 'module', module: 'node16', moduleResolution: 'node16' },
  'node16 CommonJS': { type: 'commonjs', module: 'node16', moduleResolution: 'node16' },
  'nodenext ESM': { type: 'module', module: 'nodenext', moduleResolution: 'nodenext' },
  'nodenext CommonJS': { type: 'commonjs', module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { type: 'module', module: 'esnext', moduleResolution: 'bundler' },
  node10: { type: 'commonjs', module: 'commonjs', moduleResolution: 'node10' },
}

const STRICTEST = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  target: 'es2022',
  types: ['node'],
  outDir: 'out',
}

/** Compilers that no longer have a way of finding modules: it is not asked of them. */
export function isOffered(compiler: string, resolution: string): boolean {
  return !(resolution === 'node10' && Number.parseFloat(compiler) >= 7)
}

/** Makes `folder` a TypeScript project that a `tsc` of version `compiler` compiles to `out`. */
export function writeTypeScriptProject(
  folder: string,
  compiler: string,
  resolution: Resolution,
): void {
  const { type, ...how } = resolution
  // TypeScript 6 takes `node10` as a thing of the past, and only then has it.
  const old = how.moduleResolution === 'node10' && Number.parseFloat(compiler) >= 6
  const compilerOptions = { ...STRICTEST, ...how, ...(old ? { ignoreDeprecations: '6.0' } : {}) }
  mkdirSync(folder, { recursive: true })
  writeJson(join(folder, 'package.json'), { private: true, type })
  writeJson(join(folder, 'tsconfig.json'), { compilerOptions, files: ['main.ts'] })
  writeFileSync(join(folder, 'program.ts'), programText())
  for (const name of ['greeter.ts', 'greeter.proto']) {
    copyFileSync(join(EXAMPLES, name), join(folder, name))
  }
  writeFileSync(join(folder, 'main.ts'), MAIN)
}

/** The program as it stands beside the types of the schema. */
function programText(): string {
  const text = readFileSync(join(SOURCES, 'program.ts'), 'utf8')
  return text.replace('../../examples/greeter.js', './greeter.js')
}

/** Makes `folder` a JavaScript project with the program as `program.js`. */
export function writeJavaScriptProject(folder: string, type: 'module' | 'commonjs'): void {
  mkdirSync(folder, { recursive: true })
  writeJson(join(folder, 'package.json'), { private: true, type })
  copyFileSync(SCHEMA, join(folder, 'greeter.proto'))
  const module = type === 'module' ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS
  for (const [name, text] of [
    ['program.js', programText()],
    ['main.js', MAIN],
  ] as const) {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module }
    writeFileSync(join(folder, name), ts.transpileModule(text, { compilerOptions }).outputText)
  }
}

const MAIN = `import { run } from './program.js'

run().then(
  printed => console.log(printed.join('\\n')),
  error => {
    console.error(error)
    process.exitCode = 1
  },
)
`

function expectedLines(): string {
  const text = programText()
  const list = /EXPECTED: readonly string\[\] = \[([^\]]*)\]/.exec(text)?.[1] ?? ''
  return [...list.matchAll(/'([^']*)'/g)].map(([, line]) => line).join('\n')
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`)
}
