import t from 'tap'
import {
  isSensitiveName,
  SENSITIVE_ENDINGS,
  SENSITIVE_PARTS,
} from '../../src/hpack/sensitive-name.js'

t.test(
  'RFC 7541 §7.1.3: a name says by one part, by two in a row, or by an ending that it is a secret',
  t => {
    for (const part of SENSITIVE_PARTS) {
      for (const name of [part, `x-${part}`, `${part}.x`, `a_${part}_b`, `x-${part}-bin`]) {
        t.ok(isSensitiveName(name), name)
      }
      t.notOk(isSensitiveName(`x${part}x`), `x${part}x`)
    }
    for (const ending of SENSITIVE_ENDINGS) {
      for (const name of [ending, `x-access${ending}`, `x-${ending}-id`])
        t.ok(isSensitiveName(name), name)
      t.notOk(isSensitiveName(`${ending}x`), `${ending}x`)
    }
    for (const name of ['api-key', 'x-api_key', 'private.key', 'x-session-id'])
      t.ok(isSensitiveName(name), name)
    for (const name of [
      '',
      '-',
      'api',
      'key',
      'x-key-api',
      'x-tenant',
      ':authority',
      'grpc-status',
    ]) {
      t.notOk(isSensitiveName(name), name)
    }
    t.end()
  },
)
