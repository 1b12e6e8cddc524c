import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as netConnect, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { DescriptorWatch } from '../../src/transport/node/descriptor-watch.js'

t.test('each time that descriptors run out is told once, and again after some were left', t => {
  let code: string | undefined
  const watch = new DescriptorWatch(() => {
    if (code !== undefined) throw Object.assign(new Error(code), { code })
  })
  const heard: string[] = []
  const remove = watch.add(error => heard.push(error.message))
  watch.check()
  code = 'EACCES'
  watch.check()
  t.same(heard, [], 'other errors are not what it looks for')
  for (const next of ['EMFILE', 'EMFILE', undefined, 'ENFILE', 'ENFILE']) {
    code = next
    watch.check()
  }
  t.same(heard, ['EMFILE', 'ENFILE'])
  remove()
  remove()
  watch.check()
  t.equal(heard.length, 2)
  t.end()
})

t.test(
  'a server without descriptors tells onError, and serves again when some are left',
  async t => {
    const script = join(import.meta.dirname, 'few-descriptors.js')
    const command = `ulimit -n 64; exec "${process.execPath}" "${script}"`
    const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill())
    let output = ''
    const line = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(output)
        if (match !== null) return match
        const [chunk] = await once(child.stdout, 'data')
        output += String(chunk)
      }
    }
    const port = Number((await line(/port (\d+)/))[1])
    const sockets: Socket[] = Array.from({ length: 100 }, () => netConnect(port, '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => {})
    await line(
      /TRANSPORT_DESCRIPTORS 127\.0\.0\.1:\d+: new connections are closed before they are served: this process has no file descriptor left; raise its limit \(ulimit -n\), or lower connectionsMax \(EMFILE\)/,
    )
    for (const socket of sockets) socket.destroy()
    await line(/connections 0\n/)
    const last = netConnect(port, '127.0.0.1')
    t.teardown(() => last.destroy())
    const [settings] = (await Promise.all([
      once(last, 'data'),
      last.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'),
    ])) as [[Buffer], boolean]
    t.equal(settings[0][3], 4, 'SETTINGS: it is served')
  },
)
