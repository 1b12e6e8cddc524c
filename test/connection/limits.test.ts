import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  type ConnectionLimits,
  DEFAULT_LIMITS,
  resolveLimits,
} from '../../src/connection/core/limits.js'
import { Connection } from '../../src/connection/index.js'
import { Recorder } from '../support/recorder.js'

type LimitName = keyof ConnectionLimits

/** The source as text: what users read must agree with what is in force. */
function sourceOf(path: string): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, path))) {
    if (folder === dirname(folder)) throw new Error(`${path} is not above ${import.meta.dirname}`)
    folder = dirname(folder)
  }
  return readFileSync(join(folder, path), 'utf8')
}

const names = Object.keys(DEFAULT_LIMITS) as LimitName[]
const source = sourceOf('src/connection/core/limits.ts')

t.test('every limit is documented: meaning, unit, default, reason', t => {
  const documented = new Map<string, string>()
  for (const [, comment, name] of source.matchAll(/\/\*\*([^*]*)\*\/\s+readonly (\w+): number/g)) {
    documented.set(name!, comment!.replaceAll(/\s+/g, ' ').trim())
  }
  t.same([...documented.keys()].sort(), [...names].sort())
  for (const name of names) {
    const comment = documented.get(name) ?? ''
    t.match(comment, /^[A-Z].*Unit: .+\. Default: .+\. Reason: .+\.$/, name)
    const value = DEFAULT_LIMITS[name]
    const shown = Number.isFinite(value)
      ? String(value).replaceAll(/\B(?=(\d{3})+$)/g, '_')
      : 'Infinity'
    t.match(comment, new RegExp(`Default: [^.]*\\b${shown}\\b`), `${name} says its default`)
    const unit = name.endsWith('Ms') ? 'Unit: ms.' : 'Unit: '
    t.ok(comment.includes(unit), `${name} says its unit`)
  }
  t.end()
})

t.test('the defaults are those of the role, frozen and complete', t => {
  t.equal(resolveLimits('server', undefined), DEFAULT_LIMITS)
  const client = resolveLimits('client', undefined)
  t.same({ ...client, keepaliveIntervalMs: 7_200_000 }, DEFAULT_LIMITS)
  t.equal(client.keepaliveIntervalMs, Number.POSITIVE_INFINITY)
  t.ok(Object.isFrozen(DEFAULT_LIMITS) && Object.isFrozen(client))
  t.same(resolveLimits('server', {}), DEFAULT_LIMITS)
  t.same(resolveLimits('client', { streamsMax: 7 }), { ...client, streamsMax: 7 })
  t.end()
})

t.test('every limit refuses what is not one, and names itself and the value', t => {
  for (const name of names) {
    for (const value of [-1, 1.5, Number.NaN, '10', null, undefined, Number.NEGATIVE_INFINITY]) {
      t.throws(
        () => resolveLimits('server', { [name]: value } as Partial<ConnectionLimits>),
        {
          name: 'RangeError',
          message: new RegExp(`^limits\\.${name} is ${String(value)}; expected an integer from `),
        },
        `${name}: ${String(value)}`,
      )
    }
    t.doesNotThrow(() => resolveLimits('server', { [name]: DEFAULT_LIMITS[name] }))
  }
  t.end()
})

t.test('a name that is no limit is a TypeError', t => {
  for (const name of ['frameSize', 'toString', '__proto__x', 'constructor']) {
    t.throws(() => resolveLimits('client', { [name]: 1 } as Partial<ConnectionLimits>), {
      name: 'TypeError',
      message: `limits.${name} is not a limit`,
    })
  }
  t.end()
})

t.test('ranges of the settings that the wire knows', t => {
  const ranges: [LimitName, number, number][] = [
    ['frameSizeMax', 16_384, 2 ** 24 - 1],
    ['streamsMax', 0, 2 ** 32 - 1],
    ['streamWindowSize', 1, 2 ** 31 - 1],
    ['connectionWindowSize', 65_535, 2 ** 31 - 1],
    ['streamWindowSizeMax', 0, 2 ** 31 - 1],
    ['connectionWindowSizeMax', 65_535, 2 ** 31 - 1],
    ['decoderTableSizeMax', 0, 2 ** 24 - 1],
    ['encoderTableSizeMax', 0, 2 ** 24 - 1],
    ['headerListSizeMax', 1, 2 ** 31 - 1],
  ]
  for (const [name, least, most] of ranges) {
    t.equal(resolveLimits('server', { [name]: least })[name], least)
    t.equal(resolveLimits('server', { [name]: most })[name], most)
    t.throws(() => resolveLimits('server', { [name]: least - 1 }), { name: 'RangeError' })
    t.throws(() => resolveLimits('server', { [name]: most + 1 }), { name: 'RangeError' })
    t.throws(() => resolveLimits('server', { [name]: Number.POSITIVE_INFINITY }))
  }
  t.end()
})

t.test('what passes the check makes a connection; what does not names the limit', t => {
  for (const name of names) {
    for (const value of [0, 1, 65_535, 2 ** 31, Number.POSITIVE_INFINITY]) {
      const host = new Recorder()
      const limits = { [name]: value }
      try {
        new Connection({ role: 'server', handler: host, host, now: 0, limits })
      } catch (error) {
        t.match((error as Error).message, new RegExp(`^limits\\.${name} is `), `${name}: ${value}`)
      }
    }
  }
  t.end()
})
