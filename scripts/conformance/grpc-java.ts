import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { HABIT_CASES, TEST_CASES } from '../../interop/node/test-client.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { mavenClassPath } from './foreign-tools.js'
import { freePort } from './ports.js'
import type { Suite, SuiteRun } from './suite.js'
import type { Tally } from './tally.js'
import {
  CASE_TIME_MAX_MS,
  startTestService,
  testServiceCases,
  waitForServer,
} from './test-service.js'
import { installed } from './toolchain.js'
import { GRPC_JAVA_VERSION } from './versions.js'

const run = promisify(execFile)
const PACKAGE = 'io.grpc.testing.integration'
/** A start of Java for each case: only the quick compiler. */
const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m']
const PASSWORD = 'changeit'
/** The first call of a cold Java on a busy machine takes more than the second that is its default. */
const PATIENCE = [
  '--soak_per_iteration_max_acceptable_latency_ms=15000',
  '--soak_overall_timeout_seconds=30',
]
/** The name in the certificate that grpc-java's own server presents. */
const THEIR_NAME = 'foo.test.google.fr'

export const grpcJava: Suite = {
  name: 'grpc-java',
  about: "grpc-java's own interop client and server (Netty), plain and TLS",
  async run(suite) {
    const java = installed('java', 'default-jdk')
    const classPath = await mavenClassPath('interop/java/pom.xml')
    const certificate = await makeCertificate(suite)
    for (const tls of [undefined, certificate]) {
      const part = tls === undefined ? 'plain' : 'tls'
      const trust = tls === undefined ? [] : await trusting(tls)
      const command = [...JAVA, ...trust, '-cp', classPath]
      const ours = await startTestService(suite, tls)
      const tally = suite.row(`client of Java, ${part}`, GRPC_JAVA_VERSION)
      await javaClient(suite, tally, [java, ...command], ours, tls !== undefined)
      await javaServer(suite, part, [java, ...command], classPath, tls)
    }
  },
}

/** What makes Java trust our certificate, as its own authority. */
async function trusting({ certFile }: Certificate): Promise<readonly string[]> {
  const store = `${certFile}.p12`
  const import_ = ['-importcert', '-noprompt', '-alias', 'ours', '-file', certFile]
  await run(installed('keytool', 'default-jdk'), [
    ...import_,
    ...['-keystore', store, '-storepass', PASSWORD, '-storetype', 'PKCS12'],
  ])
  return [
    `-Djavax.net.ssl.trustStore=${store}`,
    `-Djavax.net.ssl.trustStorePassword=${PASSWORD}`,
    '-Djavax.net.ssl.trustStoreType=PKCS12',
  ]
}

/** Every case in a Java of its own, as the program is made. */
async function javaClient(
  suite: SuiteRun,
  tally: Tally,
  [java, ...command]: readonly string[],
  address: string,
  secure: boolean,
): Promise<void> {
  const [host, port] = address.split(':')
  const flags = [
    `--server_host=${host}`,
    `--server_port=${port}`,
    `--use_tls=${secure}`,
    ...PATIENCE,
  ]
  if (secure) flags.push('--server_host_override=localhost')
  for (const name of Object.keys(TEST_CASES)) {
    await tally.run(name, async () => {
      const args = [...command, `${PACKAGE}.TestServiceClient`, ...flags, `--test_case=${name}`]
      const { code, stdout, stderr } = await suite.start(java!, args).ended(2 * CASE_TIME_MAX_MS)
      if (code !== 0) throw new Error((stdout + stderr).trim().slice(-400))
    })
  }
}

async function javaServer(
  suite: SuiteRun,
  part: string,
  [java, ...command]: readonly string[],
  classPath: string,
  tls: Certificate | undefined,
): Promise<void> {
  const port = await freePort()
  const flags = [`--port=${port}`, `--use_tls=${tls !== undefined}`]
  const program = suite.start(java!, [...command, `${PACKAGE}.TestServiceServer`, ...flags])
  const address = `127.0.0.1:${port}`
  const ca = tls === undefined ? undefined : await theirAuthority(classPath, dirname(tls.certFile))
  const theirs = ca === undefined ? undefined : { ...tls!, cert: ca, name: THEIR_NAME }
  await waitForServer(address, theirs)
  const tally = suite.row(`server of Java, ${part}`, GRPC_JAVA_VERSION)
  await testServiceCases(tally, address, theirs, { cases: { ...TEST_CASES, ...HABIT_CASES } })
  await program.stop()
}

/** The authority of the certificate that is built into grpc-java's test server. */
async function theirAuthority(classPath: string, folder: string): Promise<string> {
  const jar = classPath.split(delimiter).find(path => /grpc-testing-[\d.]+\.jar$/.test(path))
  await run(installed('jar', 'default-jdk'), ['xf', jar!, 'certs/ca.pem'], { cwd: folder })
  return readFileSync(resolve(folder, 'certs/ca.pem'), 'utf8')
}
