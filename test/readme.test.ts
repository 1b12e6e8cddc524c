import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import t from 'tap'
import ts from 'typescript'
import { typeFaults } from './support/type-faults.js'

const PAGES = ['README.md', 'docs/testing.md']

/** Snippets of pages by the name in the comment above each. */
function snippets(pages: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  const pattern = /<!-- snippet: ([\w.-]+) -->\n```\w+\n([\s\S]*?)```/g
  for (const page of pages) {
    for (const [, name, code] of readFileSync(page, 'utf8').matchAll(pattern)) {
      found.set(name!, code!)
    }
  }
  return found
}

const folder = '.build/readme'
const code = snippets(PAGES)
/** Of another page, which has a test of its own; the snippet `mutual-tls` imports it. */
const AUTHORISATION = 'authorisation'
code.set(AUTHORISATION, snippets(['docs/middleware.md']).get(AUTHORISATION)!)
mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}/hello.proto`, code.get('hello.proto')!)
// As the page says: neither protoc nor a plugin.
execFileSync(process.execPath, [
  'dist/cli/microwire.js',
  'generate',
  '-o',
  folder,
  `${folder}/hello.proto`,
])
writeFileSync(
  `${folder}/hello_mw.js`,
  ts.transpileModule(readFileSync(`${folder}/hello_mw.ts`, 'utf8'), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  }).outputText,
)
/** Needs generated code: test/compat/codegen.test.ts runs it. */
const GENERATED = 'protobuf-es'
/** The programs among the snippets that are run here. */
const programs = [...code.keys()].filter(
  name => !name.includes('.') && name !== GENERATED && name !== AUTHORISATION,
)

/** Writes one snippet as a program; the fixed port of the text becomes `address`. */
function program(name: string, address: string): string {
  const text = code.get(name)!.replaceAll('127.0.0.1:50051', address)
  writeFileSync(`${folder}/${name}.ts`, text)
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  writeFileSync(
    `${folder}/${name}.js`,
    ts.transpileModule(text, { compilerOptions: options }).outputText,
  )
  return `${name}.js`
}

function start(file: string): ChildProcess {
  return spawn(process.execPath, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** What a program printed, once it has ended well. */
async function output(child: ChildProcess): Promise<string[]> {
  let text = ''
  let errors = ''
  child.stdout!.on('data', chunk => {
    text += String(chunk)
  })
  child.stderr!.on('data', chunk => {
    errors += String(chunk)
  })
  const exitCode = await new Promise(resolve => child.once('close', resolve))
  if (exitCode !== 0) throw new Error(`exit code ${String(exitCode)}: ${errors}`)
  return text.trimEnd().split('\n')
}

t.test('README and docs/testing.md: every snippet is run', t => {
  const fences = PAGES.flatMap(page => readFileSync(page, 'utf8').match(/^```ts$/gm) ?? [])
  t.equal(programs.length + 1, fences.length)
  t.same(programs, [
    'server',
    'client',
    'registry',
    'frame',
    'transport',
    'testing',
    'simulated',
    'mutual-tls',
  ])
  t.match(readFileSync('test/compat/codegen.test.ts', 'utf8'), `snippet ${GENERATED}:`)
  t.end()
})

t.test('README: the client calls the server', async t => {
  const server = start(program('server', '127.0.0.1:0'))
  try {
    const lines = createInterface({ input: server.stdout! })
    const first = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve)
      server.once('exit', exitCode => reject(new Error(`the server ended with ${exitCode}`)))
    })
    const address = /(127\.0\.0\.1:\d+)/.exec(first)![1]!
    t.same(await output(start(program('client', address))), [
      'Hello, Ada',
      'Hi, Grace',
      'Hi, Barbara',
      'INVALID_ARGUMENT name is empty',
    ])
  } finally {
    server.removeAllListeners('exit')
    const ended = new Promise(resolve => server.once('exit', resolve))
    server.kill('SIGTERM')
    t.equal(await ended, 0, 'SIGTERM stops the server in good order')
  }
})

t.test('README: service discovery', async t => {
  t.same(await output(start(program('registry', ''))), ['1'])
})

t.test('README: the frame parser alone', async t => {
  t.same(await output(start(program('frame', ''))), ['SETTINGS 0 6', 'WINDOW_UPDATE 0 4'])
})

t.test('README: the transport alone', async t => {
  t.same(await output(start(program('transport', ''))), ['greeting hello'])
})

t.test('docs/testing.md: server and client in one process', async t => {
  const lines = await output(start(program('testing', '')))
  t.match(lines.join('\n'), /pass 3\n/)
})

t.test('docs/testing.md: virtual time', async t => {
  t.same(await output(start(program('simulated', ''))), ['done DEADLINE_EXCEEDED'])
})

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'
t.test('docs/testing.md: mutual TLS, with the certificates made there', { skip }, async t => {
  execFileSync('sh', ['-e', '-c', code.get('certificates.sh')!], { cwd: folder, stdio: 'ignore' })
  program(AUTHORISATION, '')
  const lines = await output(start(program('mutual-tls', '')))
  t.match(lines.join('\n'), /pass 3\n/)
})

t.test('the snippets have no type errors, with the tsconfig.json of README', t => {
  const files = [...programs, AUTHORISATION].map(name => {
    program(name, '127.0.0.1:0')
    return `${folder}/${name}.ts`
  })
  const given = JSON.parse(code.get('tsconfig.json')!) as { compilerOptions: object }
  const { options, errors } = ts.convertCompilerOptionsFromJson(given.compilerOptions, folder)
  t.same(errors, [])
  t.same(typeFaults(files, options), [])
  t.end()
})
