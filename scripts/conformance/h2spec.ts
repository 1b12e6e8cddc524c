import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PlainHttp } from '../../interop/node/plain-http.js'
import { serve } from '../../src/transport/server/server.js'
import { type Certificate, makeCertificate } from './certificates.js'
import type { Suite, SuiteRun } from './suite.js'
import type { Tally } from './tally.js'
import { goProgram, type Tool } from './toolchain.js'
import { PROGRAMS } from './versions.js'

const TIME_MAX_MS = 10 * 60_000

export const h2spec: Suite = {
  name: 'h2spec',
  about: 'the connection layer as a server, under all cases of h2spec --strict',
  async run(run) {
    const tool = await goProgram(PROGRAMS.h2spec)
    const plain = await runH2spec(run, tool, undefined)
    if (tool.note !== undefined) plain.note(tool.note)
    await runH2spec(run, tool, await makeCertificate(run))
  },
}

async function runH2spec(run: SuiteRun, tool: Tool, certificate?: Certificate): Promise<Tally> {
  const tally = run.row(certificate === undefined ? 'plain' : 'tls', tool.version)
  const server = await serve({
    address: '127.0.0.1:0',
    handler: newPlainHandler(),
    ...(certificate === undefined ? {} : { tls: { cert: certificate.cert, key: certificate.key } }),
  })
  run.onEnd(() => server.stop({ graceMs: 0 }))
  const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
  run.onEnd(() => rmSync(folder, { recursive: true, force: true }))
  const report = join(folder, 'report.xml')
  const port = server.address.split(':').at(-1)!
  const args = ['-h', '127.0.0.1', '-p', port, '--strict', '-o', '2', '-j', report]
  const program = run.start(tool.path, certificate === undefined ? args : [...args, '-t', '-k'])
  await program.ended(TIME_MAX_MS)
  countReport(tally, readFileSync(report, 'utf8'))
  return tally
}

function newPlainHandler() {
  const plain = new PlainHttp()
  return () => plain.handler()
}

/** Counts the cases of a JUnit report as h2spec writes it. */
function countReport(tally: Tally, xml: string): void {
  for (const [, attributes = '', content = ''] of xml.matchAll(
    /<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const name = ['package', 'classname'].map(key => attribute(attributes, key)).join(' ')
    if (content.includes('<failure') || content.includes('<error')) {
      tally.fail(
        name,
        content
          .replace(/<[^>]*>/g, ' ')
          .replace(/\s+/g, ' ')
          .trim(),
      )
    } else if (content.includes('<skipped')) tally.skip(name)
    else tally.pass()
  }
}

function attribute(attributes: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
}
