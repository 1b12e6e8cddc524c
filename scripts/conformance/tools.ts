import { equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PlainHttp } from '../../interop/node/plain-http.js'
import { TEST_CASES } from '../../interop/node/test-client.js'
import { loadTestService, TESTING_PROTO, testHandlers } from '../../interop/node/test-service.js'
import { createClient, createServer } from '../../src/index.js'
import { serve } from '../../src/transport/index.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { inTime } from './in-time.js'
import { haproxyProxy, nginxProxy, type ReverseProxy } from './proxies.js'
import type { Suite, SuiteRun } from './suite.js'
import { output, part } from './tool-part.js'
import { goProgram, installed, npmProgram, programVersion } from './toolchain.js'
import { toolsOfServices } from './tools-services.js'
import { BUF, PROGRAMS } from './versions.js'

const TIME_MAX_MS = 30_000
const SERVICE = 'grpc.testing.TestService'

/** One call of each kind: what to send, as JSON, and what has to be in the answer. */
const CALLS: readonly { method: string; data: string; answer: RegExp }[] = [
  { method: 'UnaryCall', data: '{"responseSize": 3}', answer: /"body":\s*"AAAA"/ },
  {
    method: 'StreamingOutputCall',
    data: '{"responseParameters": [{"size": 3}, {"size": 1}]}',
    answer: /"AAAA"[\s\S]*"AA=="/,
  },
  {
    method: 'StreamingInputCall',
    data: '{"payload": {"body": "AAAA"}} {"payload": {"body": "AA=="}}',
    answer: /"aggregatedPayloadSize":\s*4/,
  },
  {
    method: 'FullDuplexCall',
    data: '{"responseParameters": [{"size": 3}]} {"responseParameters": [{"size": 1}]}',
    answer: /"AAAA"[\s\S]*"AA=="/,
  },
]

export const tools: Suite = {
  name: 'tools',
  about:
    'grpcurl, buf curl, grpcui, evans, grpc_health_probe, h2load and nghttp on our server; our client through nginx and haproxy',
  async run(run) {
    const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
    run.onEnd(() => rmSync(folder, { recursive: true, force: true }))
    const certificate = await makeCertificate(run)
    const plain = await startServer(run, undefined)
    const secure = await startServer(run, certificate)
    const schema = join(folder, 'schema.binpb')
    await part(run, 'buf curl', BUF.version, () => buf(run, schema, plain, secure, certificate))
    await part(run, 'grpcurl', PROGRAMS.grpcurl.version, () =>
      grpcurl(run, schema, plain, secure, certificate),
    )
    await toolsOfServices(run, certificate)
    await part(run, 'h2load', 'installed', () => h2load(run, folder, plain, secure))
    await part(run, 'nghttp', 'installed', () => nghttp(run))
    await part(run, 'nginx', 'Debian', async () => proxied(run, await nginxProxy(), folder, plain))
    await part(run, 'haproxy', 'Debian', async () =>
      proxied(run, await haproxyProxy(), folder, plain),
    )
  },
}

async function startServer(run: SuiteRun, tls: Certificate | undefined): Promise<string> {
  const server = createServer({
    name: 'testing',
    address: '127.0.0.1:0',
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
  })
  server.handle(await loadTestService(), testHandlers)
  await server.start()
  run.onEnd(() => server.stop({ graceMs: 0 }))
  return server.address
}

/** The schema for both comes from buf: a descriptor set of our own file. */
async function buf(
  run: SuiteRun,
  schema: string,
  plain: string,
  secure: string,
  { certFile }: Certificate,
): Promise<void> {
  const tool = await npmProgram(BUF.package, BUF.version, BUF.command)
  const tally = run.row('buf curl', tool.version)
  await output(run, tool.path, [
    'build',
    `${TESTING_PROTO}#include_package_files=true`,
    '-o',
    schema,
  ])
  for (const { method, data, answer } of CALLS) {
    const shared = ['curl', '--protocol', 'grpc', '--schema', schema, '-d', data]
    await tally.run(`${method}, h2c`, async () => {
      const url = `http://${plain}/${SERVICE}/${method}`
      const { stdout } = await output(run, tool.path, [...shared, '--http2-prior-knowledge', url])
      ok(answer.test(stdout), stdout)
    })
    await tally.run(`${method}, tls`, async () => {
      const url = `https://${secure}/${SERVICE}/${method}`
      const { stdout } = await output(run, tool.path, [...shared, '--cacert', certFile, url])
      ok(answer.test(stdout), stdout)
    })
  }
}

async function grpcurl(
  run: SuiteRun,
  schema: string,
  plain: string,
  secure: string,
  { certFile }: Certificate,
): Promise<void> {
  const tool = await goProgram(PROGRAMS.grpcurl)
  const tally = run.row('grpcurl', tool.version)
  for (const { method, data, answer } of CALLS) {
    const call = ['-protoset', schema, '-d', data]
    await tally.run(`${method}, plain`, async () => {
      const args = ['-plaintext', ...call, plain, `${SERVICE}/${method}`]
      ok(answer.test((await output(run, tool.path, args)).stdout))
    })
    await tally.run(`${method}, tls`, async () => {
      const args = ['-cacert', certFile, ...call, secure, `${SERVICE}/${method}`]
      ok(answer.test((await output(run, tool.path, args)).stdout))
    })
  }
}

/** Load, for its cleanliness alone: how fast it is, the benches say. */
async function h2load(run: SuiteRun, folder: string, plain: string, secure: string): Promise<void> {
  const path = installed('h2load', 'nghttp2-client')
  const tally = run.row('h2load', await programVersion(path))
  const body = join(folder, 'empty.bin')
  writeFileSync(body, Buffer.alloc(5))
  const load = ['-n', '5000', '-c', '4', '-m', '25', '-t', '1', '-d', body]
  const fields = ['-H', 'content-type: application/grpc', '-H', 'te: trailers']
  for (const url of [`http://${plain}`, `https://${secure}`]) {
    await tally.run(url.slice(0, url.indexOf(':')), async () => {
      const { stdout } = await output(run, path, [
        ...load,
        ...fields,
        `${url}/${SERVICE}/EmptyCall`,
      ])
      ok(/5000 succeeded, 0 failed, 0 errored, 0 timeout/.test(stdout), stdout.slice(-600))
      ok(/status codes: 5000 2xx/.test(stdout), stdout.slice(-600))
    })
  }
}

async function nghttp(run: SuiteRun): Promise<void> {
  const path = installed('nghttp', 'nghttp2-client')
  const tally = run.row('nghttp', await programVersion(path))
  const plain = new PlainHttp()
  const server = await serve({ address: '127.0.0.1:0', handler: () => plain.handler() })
  run.onEnd(() => server.stop({ graceMs: 0 }))
  await tally.run('GET', async () => {
    const { stdout } = await output(run, path, [`http://${server.address}/`])
    ok(stdout.includes('Hello from microwire'), stdout)
  })
  await tally.run('twenty streams at once', async () => {
    const { stdout } = await output(run, path, ['-m', '20', `http://${server.address}/`])
    equal(stdout.match(/Hello from microwire/g)?.length, 20)
  })
  await tally.run('frames are understood', async () => {
    const { stdout } = await output(run, path, ['-nv', `http://${server.address}/`])
    ok(/:status: 200/.test(stdout) && !/INVALID|error_code=(?!NO_ERROR)/.test(stdout), stdout)
  })
}

/** All cases of our client, with a proxy between it and our server. */
async function proxied(
  run: SuiteRun,
  proxy: ReverseProxy,
  folder: string,
  backend: string,
): Promise<void> {
  const tally = run.row(proxy.name, proxy.tool.version)
  const address = await proxy.start(run, folder, backend)
  const service = await loadTestService()
  const client = createClient({ address })
  const calls = client.bind(service)
  await inTime(calls.emptyCall({}, { waitForReady: true }), TIME_MAX_MS)
  const context = { client, calls, newClient: () => createClient({ address }) }
  for (const [name, check] of Object.entries(TEST_CASES)) {
    await tally.run(name, () => inTime(check(context), TIME_MAX_MS))
  }
  await client.close()
}
