import { COMPRESSION_CASES, TEST_CASES } from '../../interop/node/test-client.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { freePort } from './ports.js'
import type { Suite, SuiteRun } from './suite.js'
import {
  CASE_TIME_MAX_MS,
  startTestService,
  testServiceCases,
  waitForServer,
} from './test-service.js'
import { goProgram, type Tool } from './toolchain.js'
import { PROGRAMS } from './versions.js'

export const grpcGo: Suite = {
  name: 'grpc-go',
  about: "gRPC's interop cases that need no cloud: every client on every server, plain and TLS",
  async run(run) {
    const client = await goProgram(PROGRAMS.grpcClient)
    const server = await goProgram(PROGRAMS.grpcServer)
    const certificate = await makeCertificate(run)
    for (const tls of [undefined, certificate]) {
      const suffix = tls === undefined ? 'plain' : 'tls'
      const ours = await startTestService(run, tls)
      const tally = run.row(`client of Go, ${suffix}`, client.version)
      for (const name of Object.keys(TEST_CASES)) {
        await tally.run(name, () => goClient(run, client, name, ours, tls))
      }
      const theirs = await startTheirs(run, server, tls)
      await testServiceCases(run.row(`server of Go, ${suffix}`, server.version), theirs, tls)
      const cases = { ...TEST_CASES, ...COMPRESSION_CASES }
      await testServiceCases(run.row(`ours alone, ${suffix}`, 'microwire'), ours, tls, { cases })
    }
  },
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
  await waitForServer(address, tls)
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
