import { styleText } from 'node:util'
import type { Metric, Outcome, Standing, Verdict } from './contest.js'
import type { Spread } from './statistics.js'

/** Shows what happens right now, in one line that the next one replaces; silent unless on a terminal. */
export function progress(text: string): void {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\u001b[2K${text}`)
}

/** Prints a line below what is there. */
export function print(text: string): void {
  progress('')
  process.stdout.write(text + '\n')
}

/** The outcome of a contest as a table: one line for each contestant. */
export function table(outcome: Outcome): string {
  const { contest, rounds, standings, verdicts } = outcome
  const head = ['', ...contest.metrics.map(heading)]
  const lines = standings.map(standing => row(contest.metrics, standing, verdicts))
  if (contest.targets.length > 0) head.push('target')
  const name = contest.plan === undefined ? contest.name : `${contest.plan} ${contest.name}`
  const title =
    bold(name) +
    dim(`  ${contest.conditions}, ${rounds === 1 ? 'one round' : `median of ${rounds} rounds`}`)
  return [title, ...aligned([head, ...lines])].join('\n')
}

function heading({ key, unit }: Metric): string {
  return key === unit || key === 'rate' ? unit : `${key}, ${unit}`
}

function row(
  metrics: readonly Metric[],
  standing: Standing,
  verdicts: readonly Verdict[],
): string[] {
  const cells = [standing.peer]
  for (const { key } of metrics) {
    const figure = standing.figures.get(key)
    const ratio = standing.advantages.get(key)
    const beaten = ratio === undefined ? '' : `  ${times(ratio.median)} ${interval(ratio)}`
    cells.push(figure === undefined ? '-' : `${number(figure.median)} ${interval(figure)}${beaten}`)
  }
  const own = verdicts.filter(({ peer }) => peer === standing.peer)
  cells.push(own.map(verdict).join(', '))
  return cells
}

function verdict({ target, met }: Verdict): string {
  const bound = Number((target.atLeast ?? target.atMost ?? 0).toPrecision(3))
  const sign = target.atLeast === undefined ? '<=' : '>='
  const text = `${target.metric} ${sign} ${target.peer === undefined ? bound : `${bound}x`}`
  return met ? `${text} ${green('ok')}` : `${text} ${red('misses')}`
}

function interval({ min, max }: Spread): string {
  return dim(`(${number(min)}..${number(max)})`)
}

function times(value: number): string {
  return `${number(value)}x`
}

/** Three significant digits, and thousands apart. */
function number(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString('en-US')
  if (value >= 100) return value.toFixed(0)
  return value.toFixed(value >= 10 ? 1 : 2)
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const cells of rows) {
    cells.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, visible(cell).length)
    })
  }
  return rows.map(cells =>
    ('  ' + cells.map((cell, column) => pad(cell, widths[column]!)).join('   ')).trimEnd(),
  )
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(width - visible(cell).length)
}

const COLOUR = /\u001b\[\d+m/g

function visible(text: string): string {
  return text.replaceAll(COLOUR, '')
}

type Style = Parameters<typeof styleText>[0]

function coloured(style: Style): (text: string) => string {
  return text => (process.stdout.isTTY ? styleText(style, text) : text)
}

const bold = coloured('bold')
const dim = coloured('dim')
const green = coloured('green')
const red = coloured('red')
