/** The table of limits in SECURITY.md, made from the doc comments of the limits themselves. */

interface Limit {
  readonly name: string
  readonly meaning: string
  readonly unit: string
  readonly standard: string
  readonly reason: string
}

/** `/** meaning Unit: x. Default: y. Reason: z. *\/` in front of `readonly name: number`, on one line or many. */
const LIMIT = /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*readonly (\w+): number/g

function limitsOf(source: string): Limit[] {
  const found: Limit[] = []
  for (const [, comment, name] of source.matchAll(LIMIT)) {
    const text = comment!.replace(/\s*\n\s*\*/g, '').replace(/\s+/g, ' ').trim()
    const parts = /^(.*?) ?Unit: (.*?)\. Default: (.*?)(?:\. Reason: (.*))?\.?$/.exec(text)
    if (parts === null) throw new Error(`the comment of ${name} names no unit and default`)
    found.push({
      name: name!,
      meaning: parts[1]!,
      unit: parts[2]!,
      standard: parts[3]!,
      reason: (parts[4] ?? '').replace(/\.$/, ''),
    })
  }
  return found
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

/** Rows of a Markdown table, one for each limit in `source`. */
export function limitsTable(source: string): string {
  const rows = limitsOf(source).map(
    ({ name, meaning, unit, standard, reason }) =>
      `| \`${name}\` | ${cell(standard)} | ${cell(unit)} | ${cell(meaning)} | ${cell(reason)} |`,
  )
  return ['| limit | default | unit | meaning | reason |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}
