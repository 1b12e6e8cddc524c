import { largeUnary, TEST_CASES, type TestCase } from '../../interop/node/test-client.js'
import { loadTestService, testHandlers } from '../../interop/node/test-service.js'
import { type Client, type ClientOptions, createClient, createServer } from '../../src/index.js'
import type { Certificate } from './certificates.js'
import { inTime } from './in-time.js'
import type { SuiteRun } from './suite.js'
import type { Tally } from './tally.js'

/** What one case may take, a start of a slow program included. */
export const CASE_TIME_MAX_MS = 30_000

/** A server of ours with TestService; its address. */
export async function startTestService(
  run: SuiteRun,
  tls: Certificate | undefined,
): Promise<string> {
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

/** Waits until a server of another language answers; those that say when they listen need not be waited for. */
export async function waitForServer(address: string, tls: Certificate | undefined): Promise<void> {
  const client = testClient(address, tls)
  try {
    const calls = client.bind(await loadTestService())
    await inTime(largeUnary(calls, { waitForReady: true }), CASE_TIME_MAX_MS)
  } finally {
    await client.close()
  }
}

interface CasesOptions extends ClientOptions {
  readonly cases?: Readonly<Record<string, TestCase>>
}

/** Our client through all cases, each within its time. */
export async function testServiceCases(
  tally: Tally,
  address: string,
  tls: Certificate | undefined,
  { cases = TEST_CASES, ...options }: CasesOptions = {},
): Promise<void> {
  const service = await loadTestService()
  const client = testClient(address, tls, options)
  const context = {
    client,
    calls: client.bind(service),
    newClient: () => testClient(address, tls, options),
  }
  for (const [name, run] of Object.entries(cases)) {
    await tally.run(name, () => inTime(run(context), CASE_TIME_MAX_MS))
  }
  await client.close()
}

function testClient(
  address: string,
  tls: Certificate | undefined,
  options: ClientOptions = {},
): Client {
  return createClient({
    address,
    ...options,
    ...(tls === undefined ? {} : { tls: { ca: tls.cert, servername: tls.name ?? 'localhost' } }),
  })
}
