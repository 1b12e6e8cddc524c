import type { RegistryService } from '../../micro/index.js'
import { readRecord } from '../record.js'
import { type KeyValue, prefixEnd } from './api.js'
import type { EtcdClient } from './etcd-client.js'

/** Keys of one request. Reason: a record has about a kilobyte, and an answer is one message. */
const PAGE_KEYS = 500

/** What a range of keys held at one moment. */
export interface Snapshot {
  readonly revision: number
  readonly records: Map<string, RegistryService>
}

/** Reads all records below `prefix`, page by page, all of one revision. */
export async function readAll(
  client: EtcdClient,
  prefix: string,
  onFault: (key: string, error: unknown) => void,
): Promise<Snapshot> {
  const records = new Map<string, RegistryService>()
  const rangeEnd = prefixEnd(Buffer.from(prefix))
  let key = Buffer.from(prefix)
  let revision = 0
  for (;;) {
    const page = await client.request(({ kv }, options) =>
      kv.range({ key, rangeEnd, limit: PAGE_KEYS, revision }, options),
    )
    if (revision === 0) revision = page.header?.revision ?? 0
    for (const kv of page.kvs) addRecord(records, kv, onFault)
    const last = page.kvs.at(-1)
    if (!page.more || last === undefined) return { revision, records }
    key = Buffer.concat([last.key, Buffer.from([0])])
  }
}

function addRecord(
  records: Map<string, RegistryService>,
  kv: KeyValue,
  onFault: (key: string, error: unknown) => void,
): void {
  const key = kv.key.toString()
  try {
    records.set(key, readRecord(kv.value.toString()))
  } catch (error) {
    onFault(key, error)
  }
}
