import { equal } from 'node:assert/strict'
import {
  failsWith,
  HABIT_CASES,
  TEST_CASES,
  type TestCase,
} from '../../interop/node/test-client.js'
import { Metadata, Status } from '../../src/index.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { type PythonTool, pythonTool } from './foreign-tools.js'
import type { Suite, SuiteRun } from './suite.js'
import { tallyLines } from './tally.js'
import { startTestService, testServiceCases } from './test-service.js'

const CLIENT_TIME_MAX_MS = 180_000

/** grpcio's two interfaces share C-core and differ in how they end and cancel. */
const APIS = ['sync', 'aio'] as const

export const grpcio: Suite = {
  name: 'grpcio',
  about: "Python's grpcio (C-core), blocking and asyncio: gRPC's interop cases and Python's habits",
  async run(run) {
    const python = await pythonTool('interop/python/requirements.txt', ['interop/testing.proto'])
    const certificate = await makeCertificate(run)
    for (const tls of [undefined, certificate]) {
      const ours = await startTestService(run, tls)
      for (const api of APIS) {
        const part = `${api}${tls === undefined ? '' : ' tls'}`
        await theirClient(run, part, python, ['--api', api], ours, tls)
        await theirServer(run, part, python, ['--api', api], tls)
      }
    }
    const ours = await startTestService(run, undefined)
    await theirClient(run, 'gzip', python, ['--gzip'], ours, undefined)
    await theirServer(run, 'gzip', python, ['--gzip'], undefined)
  },
}

/** What a Python handler does that no other does. */
const PYTHON_CASES: Readonly<Record<string, TestCase>> = {
  raise_without_text: async ({ calls }) => {
    // "Exception calling application: ", the space being the last octet.
    const metadata = Metadata.from({ 'x-raise': '1' })
    await failsWith(calls.emptyCall({}, { metadata }), Status.Unknown)
  },
  padded_response_metadata: async ({ calls }) => {
    let echoed: string | undefined
    const onHeaders = (headers: Metadata) => {
      echoed = headers.get('x-padded')
    }
    await calls.emptyCall({}, { metadata: { 'x-padded': 'a value' }, onHeaders })
    equal(echoed, 'a value')
  },
}

async function theirClient(
  run: SuiteRun,
  part: string,
  python: PythonTool,
  flags: readonly string[],
  address: string,
  tls: Certificate | undefined,
): Promise<void> {
  const args = ['interop/python/test_client.py', ...flags, '--address', address]
  if (tls !== undefined) args.push('--ca', tls.certFile)
  const program = run.start(python.path, args, { env: python.env })
  const { stdout, stderr } = await program.ended(CLIENT_TIME_MAX_MS)
  tallyLines(run.row(`client of Python, ${part}`, python.version), stdout, stderr)
}

async function theirServer(
  run: SuiteRun,
  part: string,
  python: PythonTool,
  flags: readonly string[],
  tls: Certificate | undefined,
): Promise<void> {
  const secure = tls === undefined ? [] : ['--cert', tls.certFile, '--key', tls.keyFile]
  const args = ['interop/python/test_server.py', ...flags, ...secure]
  const program = run.start(python.path, args, { env: python.env })
  const [, address = ''] = await program.waitFor(/"address": "([^"]*)"/)
  const cases = { ...TEST_CASES, ...HABIT_CASES, ...PYTHON_CASES }
  const compression = flags.includes('--gzip') ? { compression: 'gzip' as const } : {}
  const tally = run.row(`server of Python, ${part}`, python.version)
  await testServiceCases(tally, address, tls, { cases, ...compression })
  await program.stop()
}
