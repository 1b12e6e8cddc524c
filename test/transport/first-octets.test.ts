import t from 'tap'
import {
  clientMistake,
  recogniseClient,
  recogniseServer,
  Speaker,
  serverMistake,
} from '../../src/transport/socket/first-octets.js'

const of = (text: string): Buffer => Buffer.from(text, 'latin1')

t.test('a client is known by its first octets, and undecided only while it must be', t => {
  const cases: [string, Speaker][] = [
    ['P', Speaker.Undecided],
    ['PRI', Speaker.Undecided],
    ['PRI ', Speaker.Http2],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0', Speaker.Http2],
    ['PUT', Speaker.Undecided],
    ['PUT ', Speaker.Http1],
    ['POST / HTTP/1.1', Speaker.Http1],
    ['CONNECT ', Speaker.Http1],
    ['GETX', Speaker.Http2],
    ['INVALID PREFACE', Speaker.Http2],
    ['\x16', Speaker.Undecided],
    ['\x16\x03\x01', Speaker.Tls],
    ['\x16\x04\x01', Speaker.Http2],
    ['\0', Speaker.Http2],
  ]
  for (const [text, speaker] of cases)
    t.equal(recogniseClient(of(text)), speaker, JSON.stringify(text))
  t.end()
})

t.test('a server is known by its first five octets', t => {
  const cases: [string, Speaker][] = [
    ['HTTP', Speaker.Undecided],
    ['HTTP/1.1 200', Speaker.Http1],
    ['\x15\x03\x01\0\x02', Speaker.Tls],
    ['<html', Speaker.Html],
    ['220 m', Speaker.Text],
    ['\0\0\x12\x04\0', Speaker.Http2],
    ['\0\0\0\x04\0', Speaker.Http2],
  ]
  for (const [text, speaker] of cases)
    t.equal(recogniseServer(of(text)), speaker, JSON.stringify(text))
  t.end()
})

t.test('each mistake has a sentence of its own', t => {
  t.not(clientMistake(Speaker.Tls), clientMistake(Speaker.Http1))
  const speakers = [Speaker.Http1, Speaker.Tls, Speaker.Html, Speaker.Text]
  t.equal(new Set(speakers.map(serverMistake)).size, 4)
  t.end()
})
