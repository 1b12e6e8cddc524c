import {
  type Client,
  createClient,
  defineService,
  type MethodDefinition,
} from '../../../src/micro/index.js'
import { prefixEnd } from '../../../src/registry/etcd/api.js'
import {
  type MessageFields,
  many,
  messageCodec,
  one,
} from '../../../src/registry/etcd/message-codec.js'

type Fields = Record<string, unknown>

const KEY_VALUE: MessageFields = {
  key: one(1, 'bytes'),
  value: one(5, 'bytes'),
  lease: one(6, 'long'),
}
const HEADER: MessageFields = { revision: one(3, 'int') }

function unary(
  name: string,
  request: MessageFields,
  response: MessageFields = {},
): MethodDefinition<'unary', Fields, Fields> {
  return {
    kind: 'unary',
    name,
    request: messageCodec<Fields>(request),
    response: messageCodec<Fields>(response),
  }
}

const kv = defineService('etcdserverpb.KV', {
  range: unary(
    'Range',
    { key: one(1, 'bytes'), rangeEnd: one(2, 'bytes') },
    { header: one(1, HEADER), kvs: many(2, KEY_VALUE) },
  ),
  put: unary('Put', { key: one(1, 'bytes'), value: one(2, 'bytes') }),
  deleteRange: unary('DeleteRange', { key: one(1, 'bytes'), rangeEnd: one(2, 'bytes') }),
  compact: unary('Compact', { revision: one(1, 'int'), physical: one(2, 'bool') }),
})
const lease = defineService('etcdserverpb.Lease', {
  revoke: unary('LeaseRevoke', { id: one(1, 'long') }),
})
const auth = defineService('etcdserverpb.Auth', {
  userAdd: unary('UserAdd', { name: one(1, 'text'), password: one(2, 'text') }),
  roleAdd: unary('RoleAdd', { name: one(1, 'text') }),
  userGrantRole: unary('UserGrantRole', { user: one(1, 'text'), role: one(2, 'text') }),
  authEnable: unary('AuthEnable', {}),
})

/** What a person does to an etcd with etcdctl. */
export class EtcdByHand {
  readonly #client: Client

  constructor(address: string) {
    this.#client = createClient({ address, backOff: { initialMs: 100 } })
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#find(key))?.value.toString()
  }

  async leaseOf(key: string): Promise<bigint> {
    return (await this.#find(key))?.lease ?? 0n
  }

  async put(key: string, value: string): Promise<void> {
    await this.#client.bind(kv).put({ key: Buffer.from(key), value: Buffer.from(value) })
  }

  async delete(key: string): Promise<void> {
    await this.#client.bind(kv).deleteRange({ key: Buffer.from(key) })
  }

  async deleteBelow(prefix: string): Promise<void> {
    const key = Buffer.from(prefix)
    await this.#client.bind(kv).deleteRange({ key, rangeEnd: prefixEnd(key) })
  }

  async revoke(id: bigint): Promise<void> {
    await this.#client.bind(lease).revoke({ id })
  }

  /** Forgets all history. */
  async compact(): Promise<void> {
    const { range, compact } = this.#client.bind(kv)
    const { header } = await range({ key: Buffer.from('/') })
    await compact({ revision: (header as { revision: number }).revision, physical: true })
  }

  /** Records of so many nodes. */
  async fill(name: string, count: number): Promise<void> {
    const puts: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      const id = `${name}-${index}`
      const node = { metadata: { protocol: 'mucp' }, id, address: `10.0.0.1:${index}` }
      const record = { name, version: 'latest', metadata: null, endpoints: null, nodes: [node] }
      puts.push(this.put(`/micro/registry/${name}/${id}`, JSON.stringify(record)))
      if (puts.length === 200) await Promise.all(puts.splice(0))
    }
    await Promise.all(puts)
  }

  async enableAuth(user: string, password: string): Promise<void> {
    const { userAdd, roleAdd, userGrantRole, authEnable } = this.#client.bind(auth)
    await userAdd({ name: user, password })
    await roleAdd({ name: 'root' })
    await userGrantRole({ user, role: 'root' })
    await authEnable({})
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #find(key: string): Promise<{ value: Buffer; lease: bigint } | undefined> {
    const { kvs } = await this.#client.bind(kv).range({ key: Buffer.from(key) })
    return (kvs as { value: Buffer; lease: bigint }[])[0]
  }
}
