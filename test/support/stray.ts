/**
 * Preloaded by `node --import`, plants what nobody catches: `PLANTED_STRAY=script,kind,when;...` in
 * each process whose script's path has `script`. `when`: `armed`, once somebody listens; `end`, when
 * nothing is left to do; or after so many ms.
 */
const WATCH_MS = 2

function plant(kind: string): void {
  if (kind === 'exception') throw new Error('planted exception')
  void Promise.reject(new Error('planted rejection'))
}

function plantLater(kind: string, when: string): void {
  if (when === 'end') {
    process.once('beforeExit', () => plant(kind))
    return
  }
  const watch = setInterval(
    () => {
      if (when === 'armed' && process.listenerCount('uncaughtException') === 0) return
      clearInterval(watch)
      plant(kind)
    },
    when === 'armed' ? WATCH_MS : Number(when),
  )
  watch.unref()
}

const command = process.argv[1] ?? ''
for (const order of (process.env['PLANTED_STRAY'] ?? '').split(';')) {
  const [script = '', kind = '', when = ''] = order.split(',')
  if (script !== '' && command.includes(script)) plantLater(kind, when)
}
