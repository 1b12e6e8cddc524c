import { HABIT_CASES, TEST_CASES } from '../../interop/node/test-client.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { cargoBuild } from './foreign-tools.js'
import type { Suite, SuiteRun } from './suite.js'
import { tallyLines } from './tally.js'
import { startTestService, testServiceCases } from './test-service.js'
import { TONIC_VERSION } from './versions.js'

const CLIENT_TIME_MAX_MS = 120_000

export const tonic: Suite = {
  name: 'tonic',
  about: "Rust's tonic (hyper, h2): gRPC's interop cases, as client and as server",
  async run(run) {
    const program = await cargoBuild('interop/rust', 'tonic-interop')
    const certificate = await makeCertificate(run, false)
    for (const tls of [undefined, certificate]) {
      const part = tls === undefined ? 'plain' : 'tls'
      await theirClient(run, part, program, await startTestService(run, tls), tls)
      await theirServer(run, part, program, tls)
    }
  },
}

async function theirClient(
  run: SuiteRun,
  part: string,
  program: string,
  address: string,
  tls: Certificate | undefined,
): Promise<void> {
  const args = ['call', '--address', address]
  if (tls !== undefined) args.push('--ca', tls.certFile)
  const { stdout, stderr } = await run.start(program, args).ended(CLIENT_TIME_MAX_MS)
  tallyLines(run.row(`client of Rust, ${part}`, TONIC_VERSION), stdout, stderr)
}

async function theirServer(
  run: SuiteRun,
  part: string,
  path: string,
  tls: Certificate | undefined,
): Promise<void> {
  const secure = tls === undefined ? [] : ['--cert', tls.certFile, '--key', tls.keyFile]
  const program = run.start(path, ['serve', ...secure])
  const [, address = ''] = await program.waitFor(/"address": "([^"]*)"/)
  // A unary response of tonic has no trailers of its own: custom_metadata asks for them.
  const { custom_metadata: _unary, ...cases } = { ...TEST_CASES, ...HABIT_CASES }
  await testServiceCases(run.row(`server of Rust, ${part}`, TONIC_VERSION), address, tls, { cases })
  await program.stop()
}
