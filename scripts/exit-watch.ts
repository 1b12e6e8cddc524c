/**
 * Preloaded by `node --import` into whatever a test run starts. What a listener of `exit` throws comes after the last
 * test has been told, and tap takes such a file for passed: it is written to the file named by
 * `MICROWIRE_EXIT_FAULTS`, where the runner looks.
 */
import { appendFileSync } from 'node:fs'

type Emit = (name: string | symbol, ...values: unknown[]) => boolean

const path = process.env['MICROWIRE_EXIT_FAULTS']
if (path !== undefined) {
  const emit = process.emit as Emit
  const watched: Emit = function (this: NodeJS.Process, name, ...values) {
    if (name !== 'exit') return emit.call(this, name, ...values)
    try {
      return emit.call(this, name, ...values)
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
      const line = text.replaceAll(/\s*\n\s*/g, ' | ')
      appendFileSync(path, `${process.argv[1]}: an exception at the exit: ${line}\n`)
      throw error
    }
  }
  process.emit = watched as typeof process.emit
}
