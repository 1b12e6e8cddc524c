import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { About } from './about.js'
import { PEERS, ROOT } from './paths.js'
import { print } from './report.js'
import type { Row } from './rows.js'
import { significant, targetTable } from './target-table.js'

// Draws charts and a table of targets from the rows of a run, beside which they appear:
// node .build/bench/charts.js [FILE]

interface Bar {
  readonly label: string
  readonly text: string
  readonly value: number
  readonly kind: 'ours' | 'peer' | 'limit'
}

interface BarChart {
  readonly title: string
  readonly subtitle: string
  readonly unit: string
  readonly bars: readonly Bar[]
}

interface Drawing {
  barChart(chart: BarChart): string
}

/** One chart: a metric of a contest. */
interface ChartOf {
  readonly file: string
  readonly title: string
  readonly suite: string
  readonly name: string
  readonly metric: string
  readonly unit: string
}

const CHARTS: readonly ChartOf[] = [
  {
    file: 'unary-server',
    title: 'Server CPU for a unary call of 100 octets, less is better',
    suite: 'rpc',
    name: 'unary server',
    metric: 'cpu',
    unit: 'microseconds',
  },
  {
    file: 'unary-server-10x100',
    title: 'Server CPU for a unary call, 10 connections, less is better',
    suite: 'rpc',
    name: 'unary server 10x100',
    metric: 'cpu',
    unit: 'microseconds',
  },
  {
    file: 'unary-client',
    title: 'Client CPU for a unary call of 100 octets, less is better',
    suite: 'rpc',
    name: 'unary client',
    metric: 'cpu',
    unit: 'microseconds',
  },
  {
    file: 'bidi-stream',
    title: 'Stream messages for each CPU second of the server, more is better',
    suite: 'stream',
    name: 'bidi stream',
    metric: 'messages',
    unit: 'messages per CPU second',
  },
  {
    file: 'server-streaming',
    title: 'Server streaming, messages of 1 MiB, more is better',
    suite: 'stream',
    name: 'server streaming 1 MiB',
    metric: 'throughput',
    unit: 'MB/s',
  },
  {
    file: 'client-streaming',
    title: 'Client streaming, messages of 1 MiB, more is better',
    suite: 'stream',
    name: 'client streaming 1 MiB',
    metric: 'throughput',
    unit: 'MB/s',
  },
  {
    file: 'in-flight-memory',
    title: 'Live memory of the server for a unary call in flight, less is better',
    suite: 'memory',
    name: 'unary call in flight',
    metric: 'heap',
    unit: 'octets',
  },
  {
    file: 'long-path',
    title: 'One unary call of 4 MiB over a path of 20 ms, less is better',
    suite: 'scale',
    name: 'unary call of 4 MiB over 20 ms',
    metric: 'time',
    unit: 'milliseconds',
  },
]

const LIMITS: readonly string[] = ['canned responder', 'raw socket', 'bare socket']

function kindOf(peer: string): Bar['kind'] {
  if (peer === 'microwire') return 'ours'
  return LIMITS.includes(peer) ? 'limit' : 'peer'
}

function times(ratio: number | undefined): string {
  if (ratio === undefined) return ''
  return `  (${ratio >= 10 ? Math.round(ratio) : ratio.toPrecision(2)}x)`
}

function chartFrom(rows: readonly Row[], about: About, wanted: ChartOf): BarChart | undefined {
  const { suite, name, metric, title, unit } = wanted
  const own = rows.filter(row => row.suite === suite && row.name === name)
  const bars = own
    .filter(row => row.metric === metric)
    .map(({ peer, value }): Bar => {
      const ratio = own.find(row => row.peer === peer && row.metric === `${metric} ratio`)
      const text = significant(value) + times(ratio?.value)
      return { label: peer, text, value, kind: kindOf(peer) }
    })
  if (bars.length === 0) return undefined
  const subtitle = `${about.date}, ${about.machine}`
  return { title, subtitle, unit, bars }
}

const [file = join(ROOT, 'docs/charts/benchmarks.json')] = process.argv.slice(2)
const rows = JSON.parse(readFileSync(file, 'utf8')) as Row[]
const about = JSON.parse(readFileSync(file.replace(/\.json$/, '.about.json'), 'utf8')) as About
mkdirSync(dirname(file), { recursive: true })
writeFileSync(join(dirname(file), 'targets.md'), targetTable(rows, about))
const drawing = (await import(pathToFileURL(`${PEERS}/svg-chart.js`).href)) as Drawing
for (const wanted of CHARTS) {
  const chart = chartFrom(rows, about, wanted)
  if (chart === undefined) {
    print(`${wanted.file}.svg left out: no rows of ${wanted.suite}, ${wanted.name}`)
    continue
  }
  const target = join(dirname(file), `${wanted.file}.svg`)
  writeFileSync(target, `${drawing.barChart(chart)}\n`)
  print(target)
}
