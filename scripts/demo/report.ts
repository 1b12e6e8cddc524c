const COLOUR = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined

function paint(code: number, text: string): string {
  return COLOUR ? `\u001b[${code}m${text}\u001b[0m` : text
}

export const bold = (text: string): string => paint(1, text)
export const dim = (text: string): string => paint(2, text)
export const green = (text: string): string => paint(32, text)
export const red = (text: string): string => paint(31, text)

/** Runs calls one by one and prints a line for each. */
export class Report {
  passed = 0
  failed = 0

  title(text: string, note = ''): void {
    console.log(`\n${bold(text)}${note === '' ? '' : `  ${dim(note)}`}`)
  }

  /** One call: what it was, what came back and how long it took. A call that fails does not stop the others. */
  async call(name: string, run: () => Promise<string>): Promise<void> {
    const started = process.hrtime.bigint()
    try {
      const result = await run()
      const ms = Number(process.hrtime.bigint() - started) / 1e6
      this.passed++
      console.log(`  ${green('ok')}  ${name.padEnd(22)} ${result}  ${dim(`${ms.toFixed(1)} ms`)}`)
    } catch (error) {
      this.failed++
      console.log(`  ${red('failed')}  ${name}: ${String(error)}`)
    }
  }
}
