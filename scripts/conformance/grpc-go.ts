import { largeUnary, TEST_CASES } from '../../interop/node/test-client.js'
import { loadTestService, testHandlers } from '../../interop/node/test-service.js'
import { type Client, createClient, createServer } from '../../src/index.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { inTime } from './in-time.js'
import { freePort } from './ports.js'
import type { Suite, SuiteRun } from './suite.js'
import type { Tally } from './tally.js'
import { goProgram, type Tool } from './toolchain.js'
import { PROGRAMS } from './versions.js'

const CASE_TIME_MAX_MS = 30_000

export const grpcGo: Suite = {
  name: 'grpc-go',
  about: "gRPC's interop cases that need no cloud: every client on every server, plain and TLS",
  async run(run) {
    const client = await goProgram(PROGRAMS.grpcClient)
    const server = await goProgram(PROGRAMS.grpcServer)
    const certificate = await makeCertificate(run)
    for (const tls of [undefined, certificate]) {
      const suffix = tls === undefined ? 'plain' : 'tls'
      const ours = await startOurs(run, tls)
      const tally = run.row(`client of Go, ${suffix}`, client.version)
      for (const name of Object.keys(TEST_CASES)) {
        await tally.run(name, () => goClient(run, client, name, ours, tls))
      }
      const theirs = await startTheirs(run, server, tls)
      await ourCases(run.row(`server of Go, ${suffix}`, server.version), theirs, tls)
      await ourCases(run.row(`ours alone, ${suffix}`, 'microwire'), ours, tls)
    }
  },
}

/** Our server; its address. */
async function startOurs(run: SuiteRun, tls: Certificate | undefined): Promise<string> {
  const server = createServer({
    name: 'testing',
    address: '127.0.0.1:0',
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
  })
  server.handle(await loadTestService(), testHandlers)
  run.onEnd(() => server.stop({ graceMs: 0 }))
  await server.start()
  return server.address
}

async function startTheirs(
  run: SuiteRun,
  tool: Tool,
  tls: Certificate | undefined,
): Promise<string> {
  const port = await freePort()
  const secure =
    tls === undefined
      ? []
      : ['-use_tls', `-tls_cert_file=${tls.certFile}`, `-tls_key_file=${tls.keyFile}`]
  run.start(tool.path, [`-port=${port}`, ...secure])
  const address = `127.0.0.1:${port}`
  const client = newClient(address, tls)
  try {
    const calls = client.bind(await loadTestService())
    await inTime(largeUnary(calls, { waitForReady: true }), CASE_TIME_MAX_MS)
  } finally {
    await client.close()
  }
  return address
}

async function goClient(
  run: SuiteRun,
  tool: Tool,
  name: string,
  address: string,
  tls: Certificate | undefined,
): Promise<void> {
  const [host, port] = address.split(':')
  const args = [`-server_host=${host}`, `-server_port=${port}`, `-test_case=${name}`]
  if (tls !== undefined) {
    args.push('-use_tls', '-use_test_ca', `-ca_file=${tls.certFile}`)
    args.push('-server_host_override=localhost')
  }
  const { code, stderr } = await run.start(tool.path, args).ended(CASE_TIME_MAX_MS)
  if (code !== 0) throw new Error(stderr.trim().split('\n').slice(-2).join(' '))
}

/** Our client through all cases, each within its time. */
async function ourCases(
  tally: Tally,
  address: string,
  tls: Certificate | undefined,
): Promise<void> {
  const service = await loadTestService()
  const client = newClient(address, tls)
  const context = {
    client,
    calls: client.bind(service),
    newClient: () => newClient(address, tls),
  }
  for (const [name, run] of Object.entries(TEST_CASES)) {
    await tally.run(name, () => inTime(run(context), CASE_TIME_MAX_MS))
  }
  await client.close()
}

function newClient(address: string, tls: Certificate | undefined): Client {
  return createClient({
    address,
    ...(tls === undefined ? {} : { tls: { ca: tls.cert, servername: 'localhost' } }),
  })
}
