import type { About } from './about.js'
import type { Row } from './rows.js'

const MET = ' target met'

/** Three significant digits, and thousands apart. */
export function significant(value: number): string {
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

/**
 * One line for each target of a run, by its number in docs/benchmarks.md: Markdown. `met`: by the
 * median; `within the noise`: only by some of the rounds.
 */
export function targetTable(rows: readonly Row[], about: About): string {
  const lines = rows.filter(({ metric }) => metric.endsWith(MET)).map(row => line(rows, row, about))
  const head = ['| # | contest | beside | figure | came to | wanted | |', '| --- | --- | --- | --- | ---: | ---: | --- |']
  return [...head, ...lines.sort(byNumber)].join('\n') + '\n'
}

function line(rows: readonly Row[], met: Row, about: About): string {
  const { suite, name, peer } = met
  const figure = met.metric.slice(0, -MET.length)
  const find = (metric: string): Row | undefined =>
    rows.find(
      row =>
        row.suite === suite && row.name === name && row.peer === peer && row.metric === metric,
    )
  // The bound stands right before the verdict: one figure may have several.
  const bound = rows[rows.indexOf(met) - 1]!
  const relative = bound.unit === 'x'
  const own = relative ? `${figure} ratio` : figure
  const [least, middle, most] = [`${own} min`, own, `${own} max`].map(metric => find(metric)?.value)
  const unit = relative ? 'x' : ` ${bound.unit}`
  const came = `${significant(middle!)}${unit} (${significant(least!)}..${significant(most!)})`
  const number = about.contests[`${suite}, ${name}`] ?? ''
  const atMost = bound.metric.endsWith('at most')
  const byMedian = atMost ? middle! <= bound.value : middle! >= bound.value
  const verdict = byMedian ? 'met' : met.value === 1 ? 'within the noise' : '**missed**'
  const beside = relative ? peer : 'itself'
  return `| ${number} | ${name} | ${beside} | ${figure} | ${came} | ${significant(bound.value)}${unit} | ${verdict} |`
}

function byNumber(a: string, b: string): number {
  return numberOf(a) - numberOf(b)
}

function numberOf(line: string): number {
  return Number(/^\| P(\d+)/.exec(line)?.[1] ?? 99)
}
