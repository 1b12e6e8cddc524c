import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

/** The compiled examples lie beside the compiled tests. */
const FOLDER = join(import.meta.dirname, '../../examples')

const LINES_MAX = 60

/** Not a program: the types of `greeter.proto`. */
const TYPES = 'greeter.ts'

/** What each example prints, line by line. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  unary: ['served by unary.ts', 'Hallo, Ada', 'INVALID_ARGUMENT name is empty'],
  streaming: ['left 3', 'left 2', 'left 1', 'sum 6 of 3', 'heard HI', 'heard BYE'],
  middleware: [
    'server shout.v1.Shout up: UNAUTHENTICATED',
    'stranger: who are you?',
    'server shout.v1.Shout up: ok',
    'friend: OPEN',
  ],
  tls: ['Hello, TLS', 'without the certificate: UNAVAILABLE'],
  'mutual-tls': [
    'known-client opens',
    'known: 7 gold',
    'unknown: UNAVAILABLE',
    'nobody: UNAVAILABLE',
  ],
  'health-and-reflection': [
    'greeter is Serving',
    'greeter is NotServing',
    'serves greeter.v1.Greeter',
    'serves grpc.health.v1.Health',
    'serves grpc.reflection.v1.ServerReflection',
    'serves grpc.reflection.v1alpha.ServerReflection',
    'files that describe hello: 1',
  ],
  'grpc-js-service': [
    'grpc-js: Hello, grpc-js',
    'grpc-js: served for acme',
    'microwire: left 2',
    'microwire: left 1',
    'microwire: sum 3',
    'microwire: name is empty',
  ],
  'round-robin': ['one 10, three 10, two 10', 'three 15, two 15'],
  'retries-and-hedging': ['get: attempt 3 answered', 'find: attempt 2 answered'],
  overload: ['4 of 4 orders, 5 of 20 reports', '15 calls were refused', 'UNAVAILABLE'],
  'zero-loss-restart': ['served by the new process and the old process'],
  mucp: [
    'Hello, Ada, through the door mucp',
    'Hello, Ada, through the door grpc',
    'left 2',
    'left 1',
    'the server saw no name',
    'error 500 greeter',
  ],
  events: [
    'no NATS (BROKER_UNAVAILABLE): events stay in this process',
    'cooked: 0, 1, 2, 3',
    'booked: soup, bread, cake, tea',
  ],
  'publish-subscribe': [
    'orders: cook soup for order 1',
    'orders: cook bread for order 2',
    'orders: cook air for order -1',
    'the kitchen saw: order -1 cannot be',
    'order -1 was refused',
    'nobody cooks any more',
  ],
}

interface Outcome {
  readonly lines: readonly string[]
  readonly errors: string
  readonly exitCode: number | null
}

function run(name: string): Promise<Outcome> {
  const child = spawn(process.execPath, [join(FOLDER, `${name}.js`)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    // Whatever runs on this machine.
    env: { ...process.env, NATS_URL: 'nats://127.0.0.1:1' },
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', chunk => {
    output += String(chunk)
  })
  child.stderr.on('data', chunk => {
    errors += String(chunk)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', exitCode => {
      resolve({ lines: output.trimEnd().split('\n'), errors, exitCode })
    })
  })
}

t.test('examples: each one is run here, and is short', t => {
  const files = readdirSync('examples').filter(file => file.endsWith('.ts') && file !== TYPES)
  t.same(files.map(file => file.slice(0, -'.ts'.length)).sort(), Object.keys(PRINTED).sort())
  for (const file of files) {
    const text = readFileSync(join('examples', file), 'utf8')
    t.ok(text.split('\n').length - 1 <= LINES_MAX, `${file} has at most ${LINES_MAX} lines`)
    t.match(text, `node .build/examples/${file.replace(/ts$/, 'js')}`, `${file} says how to run it`)
  }
  t.end()
})

for (const [name, lines] of Object.entries(PRINTED)) {
  t.test(`examples: ${name} prints what it promises and exits`, async t => {
    const outcome = await run(name)
    t.same(outcome, { lines, errors: '', exitCode: 0 })
  })
}
