import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type GreeterContext,
  greeterCases,
  mucpSocketCases,
  nativeSizeCases,
  publish,
  serverGone,
} from '../../interop/node/greeter-client.js'
import { offerGreeter } from '../../interop/node/greeter-service.js'
import { createClient, createServer } from '../../src/index.js'
import { type Certificate, makeCertificate } from './certificates.js'
import { inTime } from './in-time.js'
import { type Suite, type SuiteRun, Unavailable } from './suite.js'
import { type Tally, tallyLines } from './tally.js'
import { CACHE, goBuild, type Tool } from './toolchain.js'
import { GO_MICRO, GO_MICRO_V5, type GoMicro } from './versions.js'

const CASE_TIME_MAX_MS = 20_000
const CLIENT_TIME_MAX_MS = 120_000
const SOURCE = 'interop/go/gomicro'

type Protocol = 'mucp' | 'grpc'

export const goMicro: Suite = {
  name: 'go-micro',
  about:
    'real go-micro, over its gRPC transport and natively, as client and as server, plain and TLS',
  run: run => runVersions(run, GO_MICRO),
}

/** One version each; building them all would take CI too long. */
export const goMicroVersions: readonly Suite[] = GO_MICRO.map(version => ({
  name: version.name.replace('gomicro', 'go-micro'),
  about: `go-micro with ${version.version} alone`,
  run: run => runVersions(run, [version]),
}))

async function runVersions(run: SuiteRun, versions: readonly GoMicro[]): Promise<void> {
  const certificate = await makeCertificate(run)
  for (const version of versions) {
    const label = `${version.version.split('.')[0]}`
    let tool: Tool
    try {
      tool = await build(version)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      run.row(label, version.version).skip(error.message)
      continue
    }
    const shown = tool.version === 'given' ? `given for ${version.version}` : version.version
    for (const protocol of ['mucp', 'grpc'] as const) {
      for (const tls of [undefined, certificate]) {
        const part = `${label} ${protocol}${tls === undefined ? '' : ' tls'}`
        await goClient(run, run.row(`${part}, client of Go`, shown), tool, protocol, tls)
        await goServer(run, run.row(`${part}, server of Go`, shown), tool, protocol, tls)
      }
    }
  }
}

/** Builds the Go program for one major version. The source names v5; for others it is rewritten. */
async function build({ name, module, version, folder: own }: GoMicro): Promise<Tool> {
  if (module === GO_MICRO_V5.module) return await goBuild(name, SOURCE)
  const folder = join(CACHE, 'go', `${name}-source`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  cpSync(SOURCE, folder, { recursive: true })
  for (const file of readdirSync(folder).filter(file => file.endsWith('.go'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    writeFileSync(join(folder, file), text.replaceAll(GO_MICRO_V5.module, module))
  }
  if (own !== undefined) {
    cpSync(own, folder, { recursive: true })
    return await goBuild(name, folder)
  }
  rmSync(join(folder, 'go.sum'))
  const head = `module microwire.test/interop/gomicro\n\ngo 1.25.0\n\nrequire ${module} ${version}\n`
  writeFileSync(join(folder, 'go.mod'), head)
  return await goBuild(name, folder, ['-mod=mod'])
}

/** go-micro's client on our server. */
async function goClient(
  run: SuiteRun,
  tally: Tally,
  tool: Tool,
  protocol: Protocol,
  tls: Certificate | undefined,
): Promise<void> {
  const server = createServer({
    name: 'greeter',
    address: '127.0.0.1:0',
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
  })
  await offerGreeter(server)
  await server.start()
  run.onEnd(() => server.stop({ graceMs: 0 }))
  const args = [`call-${protocol}`, '-address', server.address]
  if (tls !== undefined) args.push('-ca', tls.certFile)
  const { stdout, stderr } = await run.start(tool.path, args).ended(CLIENT_TIME_MAX_MS)
  tallyLines(tally, stdout, stderr)
}

/** Our client on go-micro's server. */
async function goServer(
  run: SuiteRun,
  tally: Tally,
  tool: Tool,
  protocol: Protocol,
  tls: Certificate | undefined,
): Promise<void> {
  const secure = tls === undefined ? [] : ['-cert', tls.certFile, '-key', tls.keyFile]
  const program = run.start(tool.path, [`serve-${protocol}`, ...secure])
  const [, address = ''] = await program.waitFor(/"address":"([^"]*)"/)
  const client = createClient({
    address,
    service: 'greeter',
    protocol,
    ...(tls === undefined ? {} : { tls: { ca: tls.cert, servername: 'localhost' } }),
  })
  const context: GreeterContext = {
    client,
    address,
    ...(tls === undefined ? {} : { tls: { ca: tls.cert } }),
  }
  const cases = await greeterCases(context)
  if (protocol === 'mucp') {
    for (const [name, check] of mucpSocketCases(context)) cases.set(name, check)
    cases.set('publish', () => publish(context))
  } else {
    for (const [name, check] of await nativeSizeCases(context)) cases.set(name, check)
  }
  cases.set('server_gone', () => serverGone(context))
  for (const [name, check] of cases) {
    await tally.run(name, () => inTime(check(), CASE_TIME_MAX_MS))
  }
  await client.close()
  await program.stop()
}
