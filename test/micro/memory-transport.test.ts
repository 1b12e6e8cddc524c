import { execFile } from 'node:child_process'
import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'
import { memoryTransport } from '../../src/transport/index.js'

const codecs = { request: jsonCodec(), response: jsonCodec() }
const things = defineService('a.Things', { one: { kind: 'unary', ...codecs } })

t.test('stop cuts a handler that ignores its signal, and its caller hears of it', async t => {
  const transport = memoryTransport()
  const server = createServer({ name: 'a', address: 'a:1', transport })
  let signal: AbortSignal | undefined
  const running = new Promise<void>(resolve => {
    server.handle(things, {
      one(_request, context) {
        signal = context.signal
        resolve()
        return new Promise(() => {})
      },
    })
  })
  await server.start()
  const client = createClient({ address: 'a:1', transport, retries: 0 })
  const failed = t.rejects(client.bind(things).one({}), { message: /the server is leaving/ })
  await running
  await server.stop({ graceMs: 20 })
  t.ok(signal?.aborted)
  t.equal(server.socketCount, 0)
  await failed
  await client.close()
})

/** Runs `code` in a process of its own, which has nothing else to live for. */
function run(code: string): Promise<{ code: unknown; output: string }> {
  const imports = ['index', 'transport/index'].map(
    (name, i) => `import * as m${i} from '${new URL(`../../src/${name}.js`, import.meta.url)}'\n`,
  )
  const setUp = `
    const codecs = { request: m0.jsonCodec(), response: m0.jsonCodec() }
    const things = m0.defineService('a.Things', { one: { kind: 'unary', ...codecs } })
    const transport = m1.memoryTransport()
    const server = m0.createServer({ name: 'a', address: 'a:1', transport })
    server.handle(things, { one: wait => wait ? new Promise(() => {}) : 'done' })
    await server.start()
    const client = m0.createClient({ address: 'a:1', transport, retries: 0 })
    const { one } = client.bind(things)
  `
  const args = ['--input-type=module', '-e', imports.join('') + setUp + code]
  return new Promise(resolve => {
    execFile(process.execPath, args, { timeout: 20_000, env: {} }, (error, stdout) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), output: stdout }),
    )
  })
}

t.test('a call that waits keeps the process alive until its deadline', async t => {
  const outcome = await run(`
    await one(true, { timeoutMs: 50 }).catch(error => console.log(error.code))
  `)
  t.same(outcome, { code: 0, output: '408\n' })
})

t.test('a stop that waits keeps the process alive until its grace is over', async t => {
  const outcome = await run(`
    one(true).catch(() => {})
    await new Promise(setImmediate)
    await server.stop({ graceMs: 50 })
    console.log('stopped')
  `)
  t.same(outcome, { code: 0, output: 'stopped\n' })
})

t.test('a server and a client that are idle let the process end', async t => {
  const outcome = await run(`
    console.log(await one(false, { timeoutMs: 60_000 }))
  `)
  t.same(outcome, { code: 0, output: 'done\n' })
})
