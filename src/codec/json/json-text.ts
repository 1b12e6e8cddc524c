/**
 * The value of a JSON text, in which no object has two properties of one name: `JSON.parse` would take the last.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (typeof value === 'object' && value !== null && countNames(text) !== countKeys(value)) {
    throw new SyntaxError('an object of the JSON has two properties of one name')
  }
  return value
}

const QUOTE = 34
const BACKSLASH = 92
const COLON = 58

/** How many strings have a colon behind them, in a text that is JSON. */
function countNames(text: string): number {
  let count = 0
  let at = text.indexOf('"')
  while (at >= 0) {
    for (at++; text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++
    at++
    while (text.charCodeAt(at) <= 32) at++
    if (text.charCodeAt(at) === COLON) count++
    at = text.indexOf('"', at)
  }
  return count
}

function countKeys(value: object): number {
  let count = 0
  const open: object[] = [value]
  for (;;) {
    const each = open.pop()
    if (each === undefined) return count
    const held: unknown[] = Object.values(each)
    if (!Array.isArray(each)) count += held.length
    for (const inner of held) if (typeof inner === 'object' && inner !== null) open.push(inner)
  }
}
