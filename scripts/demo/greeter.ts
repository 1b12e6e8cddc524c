import { fileURLToPath } from 'node:url'
import type { Greeter } from '../../examples/greeter.js'
import { type Handlers, loadService, type Service } from '../../src/index.js'

/** The service definition of the examples; the compiled demo runs from a folder beside them. */
export const PROTO_FILE: string = fileURLToPath(
  new URL('../../../examples/greeter.proto', import.meta.url),
)

export const SERVICE_NAME = 'greeter.v1.Greeter'

export function loadGreeter(): Promise<Service<Greeter>> {
  return loadService<Greeter>(PROTO_FILE, SERVICE_NAME)
}

/** One handler table, served behind both doors. */
export const greeterHandlers: Handlers<Greeter> = {
  hello({ name }) {
    return { text: `Hello, ${name}` }
  },

  *countdown({ from }) {
    for (let left = from; left > 0; left--) yield { left }
  },

  async sum(terms) {
    let sum = 0
    let count = 0
    for await (const { value } of terms) {
      sum += value
      count++
    }
    return { sum, count }
  },

  async *chat(lines) {
    for await (const { text } of lines) yield { text: `you said: ${text}` }
  },
}
