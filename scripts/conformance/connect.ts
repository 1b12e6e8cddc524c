import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Suite, SuiteRun } from './suite.js'
import { goModuleFolder, goProgram, type Tool } from './toolchain.js'
import { CONNECT_MODULE, PROGRAMS } from './versions.js'

const TIME_MAX_MS = 20 * 60_000

/** Everything of gRPC that the suite can ask for; nothing is known to fail, nothing is skipped. */
const CONFIG = `features:
  versions: [HTTP_VERSION_2]
  protocols: [PROTOCOL_GRPC]
  codecs: [CODEC_PROTO, CODEC_JSON]
  compressions: [COMPRESSION_IDENTITY, COMPRESSION_GZIP]
  stream_types: []
  supportsH2c: true
  supportsTls: true
  supportsTlsClientCerts: true
  supportsTrailers: true
  supportsMessageReceiveLimit: true
  supportsConnectGet: false
`

export const connect: Suite = {
  name: 'connect',
  about:
    'connect conformance for gRPC: proto and JSON, gzip, h2c, TLS, client certificates, limits',
  async run(run) {
    const tool = await goProgram(PROGRAMS.connectConformance)
    const module = await goModuleFolder(CONNECT_MODULE.path, CONNECT_MODULE.version)
    const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
    run.onEnd(() => rmSync(folder, { recursive: true, force: true }))
    const config = join(folder, 'config.yaml')
    writeFileSync(config, CONFIG)
    for (const mode of ['client', 'server'] as const) {
      await runMode(run, tool, mode, config, join(module, 'proto'))
    }
  },
}

async function runMode(
  run: SuiteRun,
  tool: Tool,
  mode: 'client' | 'server',
  config: string,
  schema: string,
): Promise<void> {
  const tally = run.row(mode, tool.version)
  const file = new URL(`../../interop/node/connect-${mode}.js`, import.meta.url)
  const parallel = mode === 'server' ? ['-p', '4'] : []
  const args = ['--mode', mode, '--conf', config, ...parallel, '--']
  const env = { MICROWIRE_CONFORMANCE_PROTO: schema }
  const program = run.start(tool.path, [...args, process.execPath, fileURLToPath(file)], { env })
  const { stdout, stderr, code } = await program.ended(TIME_MAX_MS)
  const summary = /Total cases: (\d+)\s+(\d+) passed, (\d+) failed/.exec(stdout)
  if (summary === null) {
    return tally.fail('connectconformance', `${code}: ${(stdout + stderr).slice(-600)}`)
  }
  const [, total = 0, passed = 0, failed = 0] = summary.map(Number)
  for (let i = 0; i < passed; i++) tally.pass()
  const failures = [...stdout.matchAll(/^FAILED: (.*?):\n((?:\t.*\n)*)/gm)]
  for (let i = 0; i < failed; i++) {
    const [, name = 'a case', why = ''] = failures[i] ?? []
    tally.fail(name, why.trim())
  }
  if (passed + failed < total) tally.skip('the suite left them out', total - passed - failed)
}
