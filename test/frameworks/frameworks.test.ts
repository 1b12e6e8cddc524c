import { execFile } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import ts from 'typescript'
import { missingTools } from '../support/npm-folder.js'

// The programs of examples/frameworks, beside the packages that they are about.

t.setTimeout(300_000)

const EXAMPLES = 'examples/frameworks'
const TOOLS = 'test/frameworks'
/** Where the packages are found from. */
const FOLDER = join(TOOLS, 'node_modules', '.examples')
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  types: ['node'],
}

const PRINTED: Readonly<Record<string, readonly string[]>> = {
  nestjs: ['grpc', 'mucp'].flatMap(protocol => [
    `Hello, Ada, over ${protocol}`,
    'name is empty',
    'left 1',
    'left 0',
    'sum 3',
    'HI',
    'no text',
  ]),
  fastify: [
    '200 {"text":"Hello, Ada"}',
    '404 {"error":"there is nobody"}',
    '200 {"left":[2,1,0]}',
    '200 ok',
  ],
}

const skip = await missingTools(TOOLS)

if (skip === false) {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(join(FOLDER, 'package.json'), '{ "type": "module" }')
  const link = join(TOOLS, 'node_modules', 'microwire')
  if (!existsSync(link)) symlinkSync('../../..', link, 'dir')
  for (const name of ['microwire-strategy', ...Object.keys(PRINTED)]) {
    copyFileSync(join(EXAMPLES, `${name}.ts`), join(FOLDER, `${name}.ts`))
  }
  for (const name of ['greeter.proto', 'greeter.ts']) {
    copyFileSync(join('examples', name), join(FOLDER, name))
  }
  const files = ['greeter', 'microwire-strategy', ...Object.keys(PRINTED)]
  for (const name of files) {
    const text = readFileSync(join(FOLDER, `${name}.ts`), 'utf8')
    // As the project of a user says it: ES modules.
    const compilerOptions = { ...OPTIONS, module: ts.ModuleKind.ES2022 }
    const { outputText } = ts.transpileModule(text, { compilerOptions })
    writeFileSync(join(FOLDER, `${name}.js`), outputText)
  }
}

for (const [name, lines] of Object.entries(PRINTED)) {
  t.test(`examples/frameworks/${name}.ts`, { skip }, async t => {
    const { NODE_OPTIONS: _, ...env } = process.env
    const options = { cwd: FOLDER, env, timeout: 60_000 }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${name}.js`], options)
    t.same(stdout.trimEnd().split('\n'), lines)
    t.equal(stderr, '')
  })
}

t.test('a method that no controller has is named when the service starts', { skip }, async t => {
  const program = `import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { loadService } from 'microwire'
import { MicrowireStrategy } from './microwire-strategy.js'
class Empty {}
const services = [await loadService('greeter.proto', 'greeter.v1.Greeter')]
const strategy = new MicrowireStrategy({ name: 'greeter', services })
const app = await NestFactory.createMicroservice(Empty, { strategy, logger: false })
strategy.listen(error => console.log(error?.message))
await app.close()
`
  writeFileSync(join(FOLDER, 'empty.js'), program)
  const options = { cwd: FOLDER, timeout: 60_000 }
  const { stdout } = await promisify(execFile)(process.execPath, ['empty.js'], options)
  t.match(stdout, "no controller has @GrpcMethod('Greeter', 'Hello')")
})

t.test('the examples have no type errors', { skip }, t => {
  const files = Object.keys(PRINTED).map(name => join(FOLDER, `${name}.ts`))
  const program = ts.createProgram(files, { ...OPTIONS, noEmit: true })
  const faults = ts.getPreEmitDiagnostics(program)
  t.same(
    faults.map(
      ({ file, messageText }) =>
        `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    ),
    [],
  )
  t.end()
})
