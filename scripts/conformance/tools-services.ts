import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { loadTestService, testHandlers } from '../../interop/node/test-service.js'
import { createServer } from '../../src/index.js'
import {
  type Health,
  mountHealth,
  mountReflection,
  ServingStatus,
} from '../../src/services/index.js'
import type { Certificate } from './certificates.js'
import type { SuiteRun } from './suite.js'
import { output, part } from './tool-part.js'
import { goProgram, npmProgram, type Tool } from './toolchain.js'
import { BUF, PROGRAMS } from './versions.js'

const TIME_MAX_MS = 30_000
const SERVICE = 'grpc.testing.TestService'
const UNARY = `${SERVICE}/UnaryCall`
const REQUEST = '{"responseSize": 3}'
const ANSWER = /"body":\s*"AAAA"/
/** Everything the server serves, as its reflection has to list it. */
const SERVICES = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  SERVICE,
]

/** A server with health and reflection, and what a tool needs to reach it. */
interface Served {
  readonly address: string
  readonly health: Health
}

/** Tools that know nothing but the address: reflection tells them the rest, health how the server is. */
export async function toolsOfServices(run: SuiteRun, certificate: Certificate): Promise<void> {
  const plain = await serve(run)
  const secure = await serve(run, certificate)
  const { grpcurl, healthProbe, grpcui, evans } = PROGRAMS
  await part(run, 'grpcurl, reflection', grpcurl.version, async () =>
    curl(run, await goProgram(grpcurl), plain, secure, certificate),
  )
  await part(run, 'buf curl, reflection', BUF.version, async () =>
    buf(run, await npmProgram(BUF.package, BUF.version, BUF.command), plain),
  )
  await part(run, 'grpc_health_probe', healthProbe.version, async () =>
    probe(run, await goProgram(healthProbe), plain, secure, certificate),
  )
  await part(run, 'grpcui', grpcui.version, async () =>
    webPage(run, await goProgram(grpcui), plain),
  )
  await part(run, 'evans', evans.version, async () => prompt(run, await goProgram(evans), plain))
}

async function serve(run: SuiteRun, tls?: Certificate): Promise<Served> {
  const server = createServer({
    name: 'testing',
    address: '127.0.0.1:0',
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
  })
  const health = mountHealth(server)
  mountReflection(server)
  server.handle(await loadTestService(), testHandlers)
  await server.start()
  run.onEnd(() => server.stop({ graceMs: 0 }))
  return { address: server.address, health }
}

function lines(text: string): string[] {
  return text
    .trim()
    .split(/\s*\n\s*/)
    .sort()
}

async function curl(
  run: SuiteRun,
  tool: Tool,
  plain: Served,
  secure: Served,
  { certFile }: Certificate,
): Promise<void> {
  const tally = run.row('grpcurl, reflection', tool.version)
  const ways: readonly [string, readonly string[], string][] = [
    ['plain', ['-plaintext'], plain.address],
    ['tls', ['-cacert', certFile], secure.address],
  ]
  for (const [way, flags, address] of ways) {
    const say = async (...args: string[]) => (await output(run, tool.path, args)).stdout
    await tally.run(`list, ${way}`, async () => {
      deepEqual(lines(await say(...flags, address, 'list')), SERVICES)
    })
    await tally.run(`list of a service, ${way}`, async () => {
      match(await say(...flags, address, 'list', SERVICE), /TestService\.FullDuplexCall/)
    })
    await tally.run(`describe a service, ${way}`, async () => {
      const text = await say(...flags, address, 'describe', SERVICE)
      match(text, /rpc FullDuplexCall \( stream \.grpc\.testing\.\w+ \) returns \( stream /)
    })
    await tally.run(`describe a message, ${way}`, async () => {
      const text = await say(...flags, address, 'describe', 'grpc.testing.SimpleRequest')
      match(text, /int32 response_size = 2;/)
    })
    await tally.run(`call, ${way}`, async () => {
      match(await say(...flags, '-d', REQUEST, address, UNARY), ANSWER)
    })
    await tally.run(`health check, ${way}`, async () => {
      match(await say(...flags, address, 'grpc.health.v1.Health/Check'), /"status": "SERVING"/)
    })
  }
  await tally.run('an unknown service', async () => {
    const args = ['-plaintext', plain.address, 'describe', 'no.such.Service']
    match((await output(run, tool.path, args, 1)).stderr, /not found/i)
  })
}

async function buf(run: SuiteRun, tool: Tool, { address }: Served): Promise<void> {
  const tally = run.row('buf curl, reflection', tool.version)
  const shared = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge']
  await tally.run('list of services', async () => {
    const { stdout } = await output(run, tool.path, [
      ...shared,
      '--list-services',
      `http://${address}`,
    ])
    deepEqual(lines(stdout), SERVICES)
  })
  await tally.run('call', async () => {
    const args = [...shared, '-d', REQUEST, `http://${address}/${UNARY}`]
    match((await output(run, tool.path, args)).stdout, ANSWER)
  })
}

/** Its exit codes: 0 serving, 4 not serving, 3 the call failed. */
async function probe(
  run: SuiteRun,
  tool: Tool,
  plain: Served,
  secure: Served,
  { certFile }: Certificate,
): Promise<void> {
  const tally = run.row('grpc_health_probe', tool.version)
  const at = [`-addr=${plain.address}`, '-connect-timeout=10s', '-rpc-timeout=10s']
  await tally.run('the server', async () => {
    match((await output(run, tool.path, at)).stderr, /status: SERVING/)
  })
  await tally.run('a service', async () => {
    await output(run, tool.path, [...at, `-service=${SERVICE}`])
  })
  await tally.run('tls', async () => {
    const [, ...times] = at
    const args = [`-addr=${secure.address}`, '-tls', `-tls-ca-cert=${certFile}`, ...times]
    await output(run, tool.path, args)
  })
  await tally.run('gzip', async () => {
    await output(run, tool.path, [...at, '-gzip'])
  })
  await tally.run('a service that is not known', async () => {
    match((await output(run, tool.path, [...at, '-service=no.such'], 3)).stderr, /NotFound/)
  })
  await tally.run('a service that is not serving, while another is', async () => {
    plain.health.setStatus(SERVICE, ServingStatus.NotServing)
    await output(run, tool.path, [...at, `-service=${SERVICE}`], 4)
    await output(run, tool.path, at)
    plain.health.setStatus(SERVICE, ServingStatus.Serving)
    await output(run, tool.path, [...at, `-service=${SERVICE}`])
  })
}

/** Its page names the methods, and the call that its button makes is answered. */
async function webPage(run: SuiteRun, tool: Tool, { address }: Served): Promise<void> {
  const tally = run.row('grpcui', tool.version)
  const program = run.start(tool.path, ['-plaintext', '-port=0', '-open-browser=false', address])
  const [, url] = await program.waitFor(/available at (http:\/\/\S+)/, TIME_MAX_MS)
  let cookie = ''
  await tally.run('the page names the service', async () => {
    const page = await fetch(url!)
    cookie = page.headers.get('set-cookie')?.split(';')[0] ?? ''
    equal(page.status, 200)
    match(await page.text(), new RegExp(SERVICE))
  })
  await tally.run('metadata of a method', async () => {
    const answer = await fetch(new URL(`metadata?method=${SERVICE}.UnaryCall`, url))
    match(await answer.text(), /grpc\.testing\.SimpleRequest/)
  })
  await tally.run('call', async () => {
    const answer = await fetch(new URL(`invoke/${SERVICE}.UnaryCall`, url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        cookie,
        'x-grpcui-csrf-token': cookie.split('=')[1]!,
      },
      body: JSON.stringify({ timeout_seconds: 10, metadata: [], data: [JSON.parse(REQUEST)] }),
    })
    const text = await answer.text()
    ok(answer.status === 200 && ANSWER.test(text), text)
  })
  await program.stop()
}

async function prompt(run: SuiteRun, tool: Tool, { address }: Served): Promise<void> {
  const tally = run.row('evans', tool.version)
  const [host, port] = address.split(':')
  const shared = ['--reflection', '--host', host!, '--port', port!, 'cli']
  await tally.run('list of services', async () => {
    // It names what the files that it is given declare, served or not.
    const declared = [...SERVICES, 'grpc.testing.UnimplementedService']
    deepEqual(lines((await output(run, tool.path, [...shared, 'list'])).stdout), declared)
  })
  await tally.run('describe a message', async () => {
    const args = [...shared, 'desc', 'grpc.testing.SimpleRequest']
    match((await output(run, tool.path, args)).stdout, /int32 response_size = 2;/)
  })
  await tally.run('call', async () => {
    const program = run.start(tool.path, [...shared, 'call', `${SERVICE}.UnaryCall`])
    program.write(REQUEST)
    const { code, stdout, stderr } = await program.ended(TIME_MAX_MS)
    equal(code, 0, stderr)
    match(stdout, ANSWER)
  })
}
