import t from 'tap'
import { MucpAdmission } from '../../src/micro/server/mucp/admission.js'
import type { HandlerPlaces, Runtime } from '../../src/transport/index.js'

const FULL: HandlerPlaces = {
  max: 2,
  waitMaxMs: 20,
  tryTake: () => false,
  wait: () => () => undefined,
  free: () => undefined,
}

/** What a call hears that waits in vain until `deadline`, with timers that fire 0.4 ms early, as those of Node may. */
async function refusalOf(deadline: number) {
  let now = 0
  const runtime = {
    now: () => now,
    schedule: (delayMs: number, run: () => void) => {
      queueMicrotask(() => {
        now += delayMs - 0.4
        run()
      })
      return { cancel: () => undefined, ref: () => undefined, unref: () => undefined }
    },
  }
  const admission = new MucpAdmission(FULL, runtime as unknown as Pick<Runtime, 'now' | 'schedule'>)
  t.equal(await admission.wait(deadline), false)
  return admission.refusal()
}

t.test(
  'a call whose deadline comes first hears of that, also from a timer that is early',
  async t => {
    t.match(await refusalOf(5), { code: 408 })
    t.match(await refusalOf(20), { code: 408 })
    t.match(await refusalOf(0), { code: 408 })
  },
)

t.test('a call that may wait no longer hears how long, and how many handlers run', async t => {
  t.match(await refusalOf(21), { code: 503, detail: /refused after 20 ms: 2 handlers/ })
  t.match(await refusalOf(Number.POSITIVE_INFINITY), { code: 503 })
})
