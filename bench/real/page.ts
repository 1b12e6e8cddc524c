import { readFileSync } from 'node:fs'
import type { Row } from '../rows.js'

// The rows of `bench -- real --json FILE` as the table of docs/benchmarks.md: node .build/bench/real/page.js FILE

const rows = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as readonly Row[]

/** Three significant digits. */
function short(value: number): string {
  return value >= 1_000
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)))
}

function figure(name: string, peer: string, metric: string, unit: string): string {
  const value = (suffix: string): number | undefined =>
    rows.find(row => row.name === name && row.peer === peer && row.metric === metric + suffix)
      ?.value
  const median = value('')
  if (median === undefined) return ''
  return `${short(median)}${unit} (${short(value(' min')!)}..${short(value(' max')!)})`
}

const lines = [
  '| call | beside | ours | theirs | ratio | wanted |',
  '| --- | --- | ---: | ---: | ---: | ---: |',
]
for (const name of new Set(rows.map(row => row.name))) {
  const of = rows.filter(row => row.name === name)
  const metric = of.some(row => row.metric === 'time') ? 'time' : 'cpu'
  const unit = ` ${of.find(row => row.metric === metric)!.unit}`
  const [own, ...peers] = new Set(of.map(row => row.peer))
  for (const peer of peers) {
    const wanted = of.find(row => row.peer === peer && row.metric === `${metric} at least`)
    const bound = wanted === undefined ? '' : `${short(wanted.value)}x`
    const figures = [
      figure(name, own!, metric, unit),
      figure(name, peer, metric, unit),
      figure(name, peer, `${metric} ratio`, 'x'),
    ]
    lines.push(`| ${[name, peer, ...figures, bound].join(' | ')} |`)
  }
}
process.stdout.write(`${lines.join('\n')}\n`)
