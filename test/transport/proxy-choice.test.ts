import t from 'tap'
import { ConnectReplyReader, REPLY_SIZE_MAX } from '../../src/transport/proxy/connect-reply.js'
import { isException } from '../../src/transport/proxy/exceptions.js'
import { proxyFor } from '../../src/transport/proxy/proxy-choice.js'
import { parseProxy } from '../../src/transport/proxy/proxy-url.js'

t.test('a proxy is http://host:port; its user becomes Basic credentials (RFC 7617)', t => {
  t.match(parseProxy('proxy', 'http://gate:3128'), {
    host: 'gate',
    port: 3128,
    text: 'gate:3128',
    authorization: undefined,
  })
  t.match(parseProxy('proxy', 'gate:3128'), { host: 'gate', port: 3128 })
  t.match(parseProxy('proxy', 'http://gate'), { port: 80 })
  t.match(parseProxy('proxy', 'http://[::1]:3128'), { host: '::1', text: '[::1]:3128' })
  t.match(parseProxy('proxy', 'http://ann:p%40ss@gate:1'), {
    authorization: `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
    text: 'gate:1',
  })
  t.end()
})

t.test('what is no proxy is refused by name, and never quoted', t => {
  const wrong: [unknown, RegExp][] = [
    ['https://ann:secret@gate:1', /https:\/\/ proxy; only plain HTTP/],
    ['socks5://ann:secret@gate:1', /socks5:\/\/ proxy/],
    ['http://ann:secret@gate:1/path', /or a path/],
    ['http://ann:secret@gate:99999', /no URL/],
    ['http://ann:secret@gate:0', /port 0/],
    ['http://ann%zz:secret@gate:1', /% that is no escape/],
    [true, /proxy is boolean/],
  ]
  for (const [value, expected] of wrong) {
    t.throws(() => parseProxy('proxy', value), { name: 'TypeError', message: expected })
    try {
      parseProxy('proxy', value)
    } catch (error) {
      t.notMatch((error as Error).message, 'secret')
      t.equal((error as Error).cause, undefined)
    }
  }
  t.end()
})

t.test('R34: no_proxy lists names with all below them, addresses, networks, ports', t => {
  const yes: [string, string, number][] = [
    ['example.com', 'example.com', 1],
    ['example.com', 'a.b.example.com', 1],
    ['.example.com', 'a.example.com', 1],
    ['*.example.com', 'a.example.com', 1],
    ['other, EXAMPLE.com', 'Example.COM.', 1],
    ['*', 'anything', 1],
    ['10.0.0.0/8', '10.1.2.3', 1],
    ['fd00::/8', 'fd12::1', 1],
    ['10.1.2.3', '10.1.2.3', 1],
    ['::1', '::1', 1],
    ['[::1]:50051', '::1', 50051],
    ['shop:50051', 'shop', 50051],
  ]
  const no: [string, string, number][] = [
    ['example.com', 'badexample.com', 1],
    ['', 'shop', 1],
    [' , ', 'shop', 1],
    ['shop:50051', 'shop', 50052],
    ['10.0.0.0/8', '11.1.2.3', 1],
    ['10.0.0.0/99', '10.1.2.3', 1],
    ['10.0.0.0/8', 'fd00::1', 1],
    ['0.0.0', '10.0.0.0', 1],
  ]
  for (const [list, host, port] of yes) t.ok(isException(list, host, port), `${list}: ${host}`)
  for (const [list, host, port] of no) t.notOk(isException(list, host, port), `${list}: ${host}`)
  t.end()
})

t.test(
  'R34: grpc_proxy before https_proxy before http_proxy; no_grpc_proxy in place of no_proxy',
  t => {
    const chosen = (
      environment: Record<string, string>,
      host = 'shop',
      option?: string | false,
    ): string | undefined =>
      proxyFor(option, { host, port: 1 }, { environment: () => environment })?.text
    const all = { grpc_proxy: 'a:1', https_proxy: 'b:1', HTTPS_PROXY: 'c:1', http_proxy: 'd:1' }
    t.equal(chosen(all), 'a:1')
    t.equal(chosen({ ...all, grpc_proxy: '' }), 'b:1')
    t.equal(chosen({ HTTPS_PROXY: 'c:1', http_proxy: 'd:1' }), 'c:1')
    t.equal(chosen({ http_proxy: 'd:1' }), 'd:1')
    t.equal(chosen({ HTTP_PROXY: 'e:1' }), undefined, 'a client of CGI may set it')
    t.equal(chosen({ ...all, no_proxy: 'shop' }), undefined)
    t.equal(chosen({ ...all, no_proxy: 'shop', no_grpc_proxy: 'other' }), 'a:1')
    t.equal(chosen({ ...all, NO_PROXY: 'shop' }), undefined)
    for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1']) {
      t.equal(chosen(all, host), undefined, host)
      t.equal(chosen(all, host, 'http://given:1'), 'given:1', `${host}, by the option`)
    }
    t.equal(chosen(all, 'shop', false), undefined)
    t.equal(chosen({ no_proxy: '*' }, 'shop', 'http://given:1'), 'given:1')
    t.equal(proxyFor('http://given:1', { path: '/socket' }, {}), undefined, 'a unix socket')
    t.end()
  },
)

t.test(
  'a variable that cannot be used is warned of once, without its value, and passed over',
  t => {
    const warnings: Error[] = []
    const runtime = {
      environment: () => ({ https_proxy: 'https://ann:secret@gate:1' }),
      warn: (error: Error) => void warnings.push(error),
    }
    t.equal(proxyFor(undefined, { host: 'shop', port: 1 }, runtime), undefined)
    t.equal(proxyFor(undefined, { host: 'shop', port: 1 }, runtime), undefined)
    t.equal(warnings.length, 1)
    t.match(warnings[0]!.message, /^the environment variable https_proxy is an https:\/\/ proxy/)
    t.notMatch(warnings[0]!.message, 'secret')
    t.end()
  },
)

function reply(text: string, size = text.length): unknown {
  const reader = new ConnectReplyReader()
  for (let i = 0; i < text.length; i += size) {
    const answer = reader.read(Buffer.from(text.slice(i, i + size), 'latin1'))
    if (answer !== undefined) return 'rest' in answer ? answer.rest.toString('latin1') : answer
  }
  return undefined
}

t.test(
  'RFC 9110 §9.3.6: any 2xx opens the tunnel, cut anywhere, and what follows is the server’s',
  t => {
    const head =
      'HTTP/1.1 200 Connection established\r\nProxy-Agent: x\r\nContent-Length: 5\r\n\r\n'
    t.equal(reply(`${head}abc`), 'abc')
    t.equal(reply(head, 1), '')
    t.equal(reply('HTTP/1.0 204\r\n\r\n'), '')
    t.equal(reply(`HTTP/1.1 100 Continue\r\n\r\n${head}x`), 'x', 'interim answers are passed over')
    t.equal(reply('HTTP/1.1 200 OK\r\n'), undefined, 'there is more to come')
    t.end()
  },
)

t.test('a refusal is told with its reason, printable and not at any length', t => {
  t.same(reply('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'), {
    kind: 'refused',
    status: 407,
    text: '407 Proxy Authentication Required',
  })
  t.match(reply('HTTP/1.1 101 Switching\r\n\r\n'), { kind: 'refused', status: 101 })
  t.match(reply(`HTTP/1.1 403 a\x1b[31m${'b'.repeat(500)}\r\n\r\n`), {
    text: `403 a[31m${'b'.repeat(95)}`,
  })
  t.match(reply('SSH-2.0-OpenSSH\r\n'), { kind: 'broken', text: /no HTTP/ })
  t.match(reply('HTTP/2 200\r\n\r\n'), { kind: 'broken' })
  t.match(reply(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(5_000)}`, 1_000), {
    kind: 'broken',
    text: `its answer has no end within ${REPLY_SIZE_MAX} octets`,
  })
  t.end()
})
