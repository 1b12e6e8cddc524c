import { ALLOWED } from '../allowed.js'
import type { Attack } from '../play.js'
import { onSocket, overTls, poured } from './row.js'
import { note, part, pour, wire } from './wire.js'

const DEEP = `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
const LONG = JSON.stringify({ id: 'x', code: 400, detail: 'y'.repeat(100_000) })

/** An opening, and what its client says instead of the next message. */
function failing(error: string, endpoint: string): (index: number) => Buffer {
  return index => {
    const id = String(index)
    return Buffer.concat([part(endpoint, id), part(endpoint, id, { 'Micro-Error': error })])
  }
}

/** Finding 1: no error that a peer names ends the process. */
export const ERROR_ATTACKS: readonly Attack[] = [
  poured(
    'M1-deep-error',
    'a Micro-Error of 5,000 levels, which the handler throws again',
    failing(DEEP, 'Notes.Chat'),
    20,
    { handlersMax: 20 },
  ),
  overTls(
    poured(
      'M1-deep-error',
      'a Micro-Error of 5,000 levels, which the handler throws again',
      failing(DEEP, 'Notes.Chat'),
      20,
      { handlersMax: 20 },
    ),
  ),
  poured('M1-long-error', 'a Micro-Error of 100,000 characters', failing(LONG, 'Notes.Chat'), 20, {
    handlersMax: 20,
  }),
  poured(
    'M1-error-that-is-no-json',
    'Micro-Errors that are cut, doubled or of odd types',
    index =>
      failing(['{', '[]', '5n', '{"code":1e999}', '\u0000'][index % 5]!, 'Notes.Chat')(index),
    500,
    { handlersMax: 500 },
  ),
  poured(
    'M1-error-for-nobody',
    'Micro-Errors for streams that were never opened',
    index => wire({ 'Micro-Stream': String(index), 'Micro-Error': 'EOS' }),
    5_000,
  ),
  onSocket(
    'M10-exceptions',
    'bodies that no codec reads: its own words must stay here',
    (socket, attacker) =>
      pour(socket, index => note('Notes.Note', String(index), {}, '{"a":'), attacker.times(2_000)),
    // Its windows are closed behind 64 KiB of answers, and the rest of a thousand waits.
    { retainedMax: ALLOWED.unreadAnswers(1_024) },
  ),
  poured(
    'M14-same-id',
    'a thousand unary messages with the id of one that runs',
    note('Notes.Wait', '7'),
    1_000,
    { handlersMax: 1 },
  ),
]
