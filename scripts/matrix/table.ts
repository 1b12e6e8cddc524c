import type { Row } from './folder.js'
import { KNOWN_FAILURES } from './known-failures.js'

const BEGIN = '<!-- matrix -->\n'
const END = '<!-- /matrix -->'

/** Rows as Markdown: a table for each group, and what is known of runtimes. */
export function tableOf(rows: readonly Row[]): string {
  const reasons = KNOWN_FAILURES.map(({ runtime, test, reason }) => {
    const name = runtime.source.slice(1)
    return `| ${name} | ${reason} | \`${test.source.slice('^FAILED '.length).replaceAll('\\', '').replaceAll('|', '\\|')} ...\` |`
  })
  const known = `| runtime | tests that cannot pass there: why | test |\n| --- | --- | --- |\n${reasons.join('\n')}\n`
  return `${groupTables(rows)}\n${known}`
}

function groupTables(rows: readonly Row[]): string {
  const groups = [...new Set(rows.map(row => row.group))]
  return groups
    .map(group => {
      const lines = rows
        .filter(row => row.group === group)
        .map(({ name, passed, seen }) => {
          const text = passed ? seen : `**failed**: ${seen.split('\n').at(-1)?.slice(0, 120)}`
          return `| ${name} | ${text.replaceAll('|', '\\|')} |`
        })
      return `| ${group} | |\n| --- | --- |\n${lines.join('\n')}\n`
    })
    .join('\n')
}

/** `page` with its table replaced. */
export function withTable(page: string, table: string): string {
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from === -1 || to === -1) throw new Error(`the page has no ${BEGIN.trim()} ... ${END}`)
  return `${page.slice(0, from + BEGIN.length)}\n${table}\n${page.slice(to)}`
}
