import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { FileDescriptorSet, generate, loadSchema, parseOptions } from '../../src/codegen/index.js'
import { CACHE } from '../paths.js'
import {
  generatedOrders,
  ORDER_OCTETS,
  ORDERS_DESCRIPTORS,
  ORDERS_MODULE,
  ORDERS_PROTO,
} from './files.js'
import { ORDER_SIZE, orderOf } from './orders.js'

const FILE = 'orders.proto'

/** Writes generated code, descriptors and an encoded order below `.cache/bench`. */
export async function prepareOrders(): Promise<void> {
  mkdirSync(CACHE, { recursive: true })
  const text = readFileSync(ORDERS_PROTO, 'utf8')
  const schema = loadSchema([FILE], name => (name === FILE ? text : undefined))
  writeFileSync(ORDERS_DESCRIPTORS, FileDescriptorSet.encode({ file: schema }))
  const codec = relative(CACHE, fileURLToPath(new URL('../../src/codec/index.js', import.meta.url)))
  const [file] = generate(schema, [FILE], parseOptions('int64=bigint'))
  const { outputText } = ts.transpileModule(file!.content, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  })
  writeFileSync(ORDERS_MODULE, outputText.replace(/(['"])microwire\/codec\1/, `'${codec}'`))
  const { methods } = await generatedOrders()
  const encoded = methods[0]!.response.get('proto')!.encode(orderOf(BigInt))
  if (encoded.length !== ORDER_SIZE) throw new Error(`an order of ${encoded.length} octets`)
  writeFileSync(ORDER_OCTETS, encoded)
}
